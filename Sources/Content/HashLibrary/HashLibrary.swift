// HashLibrary: which content is stored locally, by SHA-1 and size.
//
// Purpose: a table of all stored files that people can read and edit, kept current by watching directories; hashing of
// many files at once; copies of local files instead of downloads.
//
// Must never: return a file for some content without having read its current version, restore a line that a person
// removed, write to stored content, block a thread of Swift's cooperative pool, or delay a delivery: without the
// library everything still works, only slower.

import Files
import Hashing
import Logging
import Threads

/// The library of hashes. Runs on a thread of its own, so that file operations may block.
package actor HashLibrary {
    let executor = ThreadExecutor(name: "swoop-library")
    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    struct Waiting {
        /// Nanoseconds of the monotonic clock.
        var due: Int64
        var size: Int64
        /// An event reported that the file was closed after writing, or moved in.
        var isWhole: Bool
        var isVerification: Bool
        var attempts = 0
    }

    package nonisolated let tablePath: AbsolutePath
    package nonisolated let roots: [AbsolutePath]
    let options: LibraryOptions
    let logger: Logger
    let pause: PauseFlag

    let inbox = LibraryInbox()
    let queue = HashQueue()
    let stopFlag = StopFlag()
    var catalogue = Catalogue()
    var store: TableStore
    var watcher: DirectoryWatcher?
    var isStarted = false
    var isStopped = false

    /// Files to be hashed when they are due.
    var waiting: [AbsolutePath: Waiting] = [:]
    /// Files that are being hashed.
    var inFlight: [AbsolutePath: Waiting] = [:]
    var hashingThreads = 0
    /// Trees to scan. One scan runs at a time.
    var scansWanted: Set<AbsolutePath> = []
    var isScanning = false
    var isLimited = false
    var problems: [AbsolutePath: String] = [:]
    var tableProblem: LibraryError?
    var lastSave: Int64 = 0
    /// Nanoseconds that the last save took.
    var saveCost: Int64 = 0
    var lastScan: Int64 = Clocks.steady

    /// - Parameters:
    ///   - tablePath: path of the table, which need not exist yet; two more files are kept beside it.
    ///   - roots: directories whose files the library contains; they need not exist yet.
    ///   - layer: how the table is written; not the system's in tests only.
    /// - Throws: for a path that is not absolute.
    package init(
        tablePath: String, roots: [String], options: LibraryOptions = .standard,
        logger: Logger = Logger(label: "swoop.library"), layer: any FileLayer = SystemFileLayer()
    ) throws(LibraryError) {
        try self.init(
            tablePath: tablePath, roots: roots, options: options, logger: logger, layer: layer, pause: PauseFlag())
    }

    /// - Parameter pause: holds up the watcher, for tests.
    package init(
        tablePath: String, roots: [String], options: LibraryOptions, logger: Logger, layer: any FileLayer,
        pause: PauseFlag
    ) throws(LibraryError) {
        guard let table = AbsolutePath(tablePath), !table.isRoot else { throw LibraryError(.badPath, tablePath) }
        var paths: [AbsolutePath] = []
        for root in roots {
            guard let path = AbsolutePath(root) else { throw LibraryError(.badPath, root) }
            paths.append(path)
        }
        self.tablePath = table
        // A root within another would be scanned twice.
        self.roots = paths.filter { path in !paths.contains { $0 != path && path.isWithin($0) } }
        store = try TableStore(path: table, layer: layer)
        var options = options
        options.rules.excludedTrees += store.ownPaths
        self.options = options
        self.logger = logger
        self.pause = pause
    }

    // MARK: Life

    /// Reads the table, begins to watch, and searches for changes made in the meantime; hashing continues in the
    /// background. Call `stop` eventually.
    /// - Throws: if the table cannot be read or written; `start` may then be called again.
    package func start() async throws(LibraryError) {
        guard !isStarted, !isStopped else { return }
        try load()
        isStarted = true
        if options.watches {
            let watching = DirectoryWatcher.Options(
                roots: roots, rules: options.rules, mostWatches: options.mostWatches, rootRetry: options.rootRetry)
            watcher = DirectoryWatcher.start(watching, inbox: inbox, pause: pause)
            if watcher == nil { inbox.limited(true) }
        }
        // The watcher requests the scan when its watches are set.
        if watcher == nil { inbox.scan() }
        isScanning = watcher != nil
        follow()
    }

    /// Ends watching and hashing, and saves the table.
    package func stop() async {
        guard !isStopped else { return }
        isStopped = true
        stopFlag.set()
        watcher?.stop()
        watcher = nil
        inbox.finish()
        while hashingThreads > 0 { try? await Task.sleep(for: .milliseconds(5)) }
        takeResults(inbox.drain())
        if isStarted { save() }
    }

    /// Reads the table. Must come first.
    func load() throws(LibraryError) {
        catalogue.identity = options.identity
        let outcome = try store.synchronize(&catalogue)
        if let wanted = options.identity, let found = outcome.identity, wanted != found {
            logger.notice(
                "the library is rebuilt: the node's role or store plan changed", metadata: ["to": "\(wanted)"])
            catalogue.forgetEverything()
            catalogue.identity = wanted
            _ = try store.synchronize(&catalogue)
        } else {
            catalogue.identity = options.identity ?? outcome.identity
            report(outcome)
        }
    }

    private func follow() {
        let arrivals = inbox.arrivals
        Task { [weak self] in
            for await _ in arrivals { await self?.turn() }
        }
        Task { [weak self] in
            while let pause = await self?.tick() { try? await Task.sleep(for: .milliseconds(pause)) }
        }
    }

    // MARK: Questions

    package var progress: LibraryProgress {
        var progress = LibraryProgress()
        progress.files = catalogue.entries.count
        progress.bytes = catalogue.entries.values.reduce(0) { $0 &+ ($1.size ?? 0) }
        progress.filesWaiting = waiting.count + inFlight.count
        progress.bytesWaiting =
            waiting.values.reduce(0) { $0 &+ $1.size } &+ inFlight.values.reduce(0) { $0 &+ $1.size }
        progress.bytesHashed = queue.bytesRead
        progress.isScanning = isScanning || !scansWanted.isEmpty
        progress.isLimited = isLimited
        progress.problems = problems.count + (tableProblem == nil ? 0 : 1)
        return progress
    }

    /// Returns when all changes seen so far are hashed and saved, or the library is stopped.
    package func waitUntilCurrent() async {
        while !isStopped, isStarted, !isIdle { try? await Task.sleep(for: .milliseconds(20)) }
    }

    private var isIdle: Bool {
        waiting.isEmpty && inFlight.isEmpty && queue.isEmpty && !isScanning && scansWanted.isEmpty
            && (!catalogue.isDirty || tableProblem != nil) && inbox.isEmpty
    }

    /// A file that has this content now, or nil. Unchecked lines are checked first.
    package func lookup(sha1: SHA1Digest, size: Int64) async -> AbsolutePath? {
        await lookup([ContentKey(sha1: sha1, size: size)]).values.first
    }

    /// For each content that is available, a file that has it now.
    package func lookup(_ keys: [ContentKey]) async -> [ContentKey: AbsolutePath] {
        await noticeEdits()
        var found: [ContentKey: AbsolutePath] = [:]
        for key in Set(keys) {
            for path in catalogue.candidates(for: key) {
                guard await holds(path, key) else { continue }
                found[key] = path
                break
            }
        }
        return found
    }

    /// The SHA-1 of a file if it is known and the file has not changed since. Does not read the file.
    package func hash(of path: AbsolutePath) async -> SHA1Digest? { await hashes(of: [path])[path] }

    /// The same for many files. Files without a known hash are left out.
    package func hashes(of paths: [AbsolutePath]) async -> [AbsolutePath: SHA1Digest] {
        await noticeEdits()
        var known: [AbsolutePath: SHA1Digest] = [:]
        for path in paths {
            guard let status = try? SystemFileLayer().status(path: path.system), status.kind == .file else { continue }
            let stamp = DeviceStamp(status)
            known[path] = catalogue.digest(at: path, looking: stamp) ?? catalogue.digestOfMoved(stamp)
        }
        return known
    }

    /// Whether the file at a path has this content now.
    private func holds(_ path: AbsolutePath, _ key: ContentKey) async -> Bool {
        guard let status = try? SystemFileLayer().status(path: path.system), status.kind == .file,
            status.size == key.size
        else {
            inbox.look(path, isWhole: false)
            return false
        }
        let stamp = DeviceStamp(status)
        switch catalogue.entries[path]?.trust {
        case .verified(let known) where known.isSameFile(as: stamp): return catalogue.entries[path]?.sha1 == key.sha1
        case .claimed:
            guard case .success(let file) = await FileHasher().hash(path) else { return false }
            catalogue.record(file.sha1, at: path, looking: file.stamp, isVerification: true)
            // The line may have been removed in the meantime.
            return file.sha1 == key.sha1 && file.size == key.size && catalogue.entries[path]?.sha1 == key.sha1
        case .verified, .disputed, nil:
            inbox.look(path, isWhole: false)
            return false
        }
    }

    // MARK: News from the node

    /// Adds a file whose content was verified elsewhere, as at the end of a delivery, so that it is not read again.
    /// Does nothing if the file is missing or has another size.
    package func record(_ path: AbsolutePath, sha1: SHA1Digest, size: Int64) {
        guard let status = try? SystemFileLayer().status(path: path.system), status.kind == .file, status.size == size
        else { return }
        waiting[path] = nil
        catalogue.record(sha1, at: path, looking: DeviceStamp(status))
    }

    /// Examines a path now: a file there was added, changed or removed.
    package func look(at path: AbsolutePath) { inbox.look(path, isWhole: true) }

    /// Reads lines that others removed, edited or added since the table was last read.
    func noticeEdits() async {
        // An editor may be in the middle of writing; wait up to a second.
        for _ in 0..<20 {
            switch store.state() {
            case .same: return
            case .changed: return save()
            case .unsettled: try? await Task.sleep(for: .milliseconds(50))
            }
        }
    }
}
