import CLinux
import Glibc
import Storage

/// The loop and state of the watching thread.
struct WatchLoop: ~Copyable {
    private let notify: Int32
    private let end: Int32
    private let options: DirectoryWatcher.Options
    private let inbox: LibraryInbox
    private let pause: PauseFlag
    private var map = WatchMap()
    private var lostRoots: Set<AbsolutePath>
    private var isLimited = false

    init(
        notify: Int32, end: Int32, options: DirectoryWatcher.Options, inbox: LibraryInbox, pause: PauseFlag
    ) {
        self.notify = notify
        self.end = end
        self.options = options
        self.inbox = inbox
        self.pause = pause
        lostRoots = Set(options.roots)
    }

    mutating func run() {
        watchAll()
        inbox.scan()
        var buffer = [CChar](repeating: 0, count: 64 << 10)
        while true {
            guard let isReadable = wait() else { return }
            if isReadable {
                let count = buffer.withUnsafeMutableBytes { read(notify, $0.baseAddress, $0.count) }
                if count > 0 { handle(buffer, count: count) }
            }
            findLostRoots()
        }
    }

    /// Whether there are events; nil if the loop should end.
    private func wait() -> Bool? {
        var ready = [
            pollfd(fd: end, events: Int16(POLLIN), revents: 0),
            pollfd(fd: pause.isSet ? -1 : notify, events: Int16(POLLIN), revents: 0),
        ]
        let patience = pause.isSet ? 10 : lostRoots.isEmpty ? -1 : Int32(clamping: Int(options.rootRetry * 1000))
        // A paused loop must notice the end of the pause. Without missing roots there is no need for a timeout.
        guard poll(&ready, 2, patience) >= 0 else { return false }
        if ready[0].revents != 0 { return nil }
        return ready[1].revents != 0
    }

    // MARK: Watching

    private mutating func watchAll() {
        isLimited = false
        for root in options.roots { watchRoot(root) }
        inbox.limited(isLimited)
    }

    private mutating func watchRoot(_ root: AbsolutePath) {
        if watchTree(root, isRoot: true) { lostRoots.remove(root) } else { lostRoots.insert(root) }
    }

    private mutating func findLostRoots() {
        for root in lostRoots {
            watchRoot(root)
            if !lostRoots.contains(root) { inbox.look(root, isWhole: false) }
        }
    }

    /// Watches a directory and all directories below it. False if there is no such directory.
    private mutating func watchTree(_ tree: AbsolutePath, isRoot: Bool = false) -> Bool {
        let wasLimited = isLimited
        var waiting = [tree]
        var isThere = true
        while let directory = waiting.popLast() {
            let isTop = isRoot && directory == tree
            guard watch(directory, follow: isTop) else {
                if directory == tree { isThere = false }
                continue
            }
            // Watch first, then list, so that nothing created in between is missed.
            guard let names = try? FileCalls.names(in: directory, follow: isTop) else { continue }
            for name in names where !options.rules.excludes(name: name) {
                guard let path = directory.appending(name), !options.rules.excludedTrees.contains(path),
                    (try? FileCalls.status(path))?.kind == .directory
                else { continue }
                waiting.append(path)
            }
        }
        if isLimited != wasLimited { inbox.limited(isLimited) }
        return isThere
    }

    /// False if it is not a directory (any more). A watch that the kernel refuses is noted.
    private mutating func watch(_ directory: AbsolutePath, follow: Bool) -> Bool {
        guard map.count < options.mostWatches || map.contains(directory) else {
            isLimited = true
            return true
        }
        let dontFollow: UInt32 = 0x0200_0000
        let mask = UInt32(truncatingIfNeeded: swoop_in_wanted) | (follow ? 0 : dontFollow)
        let watch = inotify_add_watch(notify, directory.terminated, mask)
        if watch >= 0 {
            map.set(watch, to: directory)
            return true
        }
        switch errno {
        case ENOENT, ENOTDIR, ELOOP: return false
        default:
            // ENOSPC: the limit fs.inotify.max_user_watches. Or EACCES, ENOMEM. In each case the directory is not
            // watched.
            isLimited = true
            return true
        }
    }

    private mutating func forget(_ tree: AbsolutePath) {
        for watch in map.remove(within: tree) { _ = inotify_rm_watch(notify, watch) }
    }

    // MARK: Events

    private mutating func handle(_ buffer: [CChar], count: Int) {
        var offset = 0
        var event = swoop_inotify_event()
        while true {
            let step = buffer.withUnsafeBufferPointer { bytes -> (next: Int, name: [UInt8]) in
                guard let base = bytes.baseAddress else { return (0, []) }
                let next = swoop_inotify_next(base, count, offset, &event)
                guard next > 0, let name = event.name else { return (next, []) }
                return (next, UnsafeBufferPointer(start: name, count: event.length).map { UInt8(bitPattern: $0) })
            }
            guard step.next > 0 else { return }
            offset = step.next
            handle(event.mask, watch: event.watch, name: step.name)
        }
    }

    private mutating func handle(_ mask: UInt32, watch: Int32, name: [UInt8]) {
        func has(_ bits: Int) -> Bool { mask & UInt32(truncatingIfNeeded: bits) != 0 }
        if has(swoop_in_overflow) {
            // Directories may have been created without an event.
            watchAll()
            return inbox.scan()
        }
        guard let directory = map[watch] else { return }
        if has(swoop_in_ignored) || has(swoop_in_self_gone) || has(swoop_in_unmounted) {
            if options.roots.contains(directory) {
                lostRoots.insert(directory)
                // The files of an unmounted disk are not gone: they are not examined until it is mounted again.
                if !has(swoop_in_unmounted) { inbox.look(directory, isWhole: false) }
                forget(directory)
            }
            if has(swoop_in_ignored) { map.remove(watch) }
            return
        }
        guard !name.isEmpty, !options.rules.excludes(name: name), let path = directory.appending(name),
            !options.rules.excludedTrees.contains(path)
        else { return }
        if has(swoop_in_directory) {
            if has(swoop_in_gone) { forget(path) } else { _ = watchTree(path) }
            inbox.look(path, isWhole: false)
        } else {
            inbox.look(path, isWhole: has(swoop_in_closed) || has(swoop_in_moved_in))
        }
    }
}
