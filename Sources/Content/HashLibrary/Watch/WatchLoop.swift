import Files
import Glibc

/// The loop and state of the watching thread.
struct WatchLoop: ~Copyable {
    private let notify: Inotify
    private let end: Int32
    private let options: DirectoryWatcher.Options
    private let inbox: LibraryInbox
    private let pause: PauseFlag
    private var map = WatchMap()
    private var lostRoots: Set<AbsolutePath>
    private var isLimited = false

    init(
        notify: Inotify, end: Int32, options: DirectoryWatcher.Options, inbox: LibraryInbox, pause: PauseFlag
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
                for event in notify.events(&buffer) { handle(event) }
            }
            findLostRoots()
        }
    }

    /// Whether there are events; nil if the loop should end.
    private func wait() -> Bool? {
        var ready = [
            pollfd(fd: end, events: Int16(POLLIN), revents: 0),
            pollfd(fd: pause.isSet ? -1 : notify.descriptor, events: Int16(POLLIN), revents: 0),
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
            // Watched first, listed then: nothing made in between is missed.
            guard let names = try? SystemFileLayer().names(in: directory.system, followSymlink: isTop) else { continue }
            for name in names where !options.rules.excludes(name: name) {
                guard let path = directory.appending(name), !options.rules.excludedTrees.contains(path),
                    (try? SystemFileLayer().status(path: path.system))?.kind == .directory
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
        do throws(SystemError) {
            map.set(try notify.watch(directory.system, followSymlink: follow), to: directory)
        } catch {
            if [ENOENT, ENOTDIR, ELOOP].contains(error.number) { return false }
            // ENOSPC: fs.inotify.max_user_watches. Or EACCES, ENOMEM: in any case it is not watched.
            isLimited = true
        }
        return true
    }

    private mutating func forget(_ tree: AbsolutePath) {
        for watch in map.remove(within: tree) { notify.forget(watch) }
    }

    // MARK: Events

    private mutating func handle(_ event: Inotify.Event) {
        let (kinds, watch, name) = (event.kinds, event.watch, event.name)
        if kinds.contains(.overflow) {
            // Directories may have been made that we never heard of.
            watchAll()
            return inbox.scan()
        }
        guard let directory = map[watch] else { return }
        if !kinds.isDisjoint(with: [.ignored, .selfGone, .unmounted]) {
            if options.roots.contains(directory) {
                lostRoots.insert(directory)
                // An unmounted disk's files are not gone: they are not looked at until it is back.
                if !kinds.contains(.unmounted) { inbox.look(directory, isWhole: false) }
                forget(directory)
            }
            if kinds.contains(.ignored) { map.remove(watch) }
            return
        }
        guard !name.isEmpty, !options.rules.excludes(name: name), let path = directory.appending(name),
            !options.rules.excludedTrees.contains(path)
        else { return }
        if kinds.contains(.directory) {
            if !kinds.isDisjoint(with: .gone) { forget(path) } else { _ = watchTree(path) }
            inbox.look(path, isWhole: false)
        } else {
            inbox.look(path, isWhole: !kinds.isDisjoint(with: [.closed, .movedIn]))
        }
    }
}
