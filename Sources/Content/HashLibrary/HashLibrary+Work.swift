import Files
import Glibc
import Hashing
import Logging
import Synchronization
import Threads

/// Files to hash, which the hashing threads take from here.
package final class HashQueue: Sendable {
    private let items = Mutex<(files: [HashItem], taken: Int)>(([], 0))
    private let bytes = Atomic<Int64>(0)

    package init() {}

    package func append(_ item: HashItem) { items.withLock { $0.files.append(item) } }

    /// The next file. A thread that has work gets one only if there are enough for all threads.
    package func next(isFirst: Bool, threads: Int) -> HashItem? {
        items.withLock { items in
            let left = items.files.count - items.taken
            guard left > 0, isFirst || left >= threads else { return nil }
            let item = items.files[items.taken]
            items.taken += 1
            if items.taken == items.files.count { items = ([], 0) }
            return item
        }
    }

    package var count: Int { items.withLock { $0.files.count - $0.taken } }
    package var isEmpty: Bool { count == 0 }

    package func read(_ count: Int) { bytes.add(Int64(count), ordering: .relaxed) }
    package var bytesRead: Int64 { bytes.load(ordering: .relaxed) }
}

extension HashLibrary {
    /// Processes what has arrived in the inbox.
    func turn() {
        guard !isStopped else { return }
        let news = inbox.drain()
        takeResults(news)
        if let isLimited = news.isLimited { limited(isLimited) }
        for (path, isWhole) in news.looks { look(path, isWhole: isWhole) }
        if news.needsScan {
            isScanning = false
            scansWanted.formUnion(roots)
            // Files outside the roots are examined one by one.
            for path in catalogue.entries.keys where !roots.contains(where: { path.isWithin($0) }) {
                look(path, isWhole: true)
            }
        }
        scanNext()
        hashDue()
    }

    /// Periodic work. Returns the milliseconds until the next call; nil at the end.
    func tick() -> Int? {
        guard !isStopped else { return nil }
        if store.state() == .changed { save() }
        let now = Clocks.steady
        if let interval = options.rescanInterval, isLimited || !options.watches || hasSharedRoots,
            Double(now - lastScan) / 1e9 > interval, !isScanning
        {
            inbox.scan()
        }
        hashDue()
        let isBusy = !inFlight.isEmpty || !queue.isEmpty
        // While hashing is in progress, saving takes at most a twentieth of the time.
        let pause = isBusy ? max(Int64(options.saveInterval * 1e9), saveCost * 20) : saveCost
        if catalogue.isDirty, now - lastSave >= pause { save() }
        return waiting.isEmpty && !isBusy && !catalogue.isDirty ? 1000 : 100
    }

    // MARK: Looking

    /// An event happened at a path: examine what is there now.
    private func look(_ path: AbsolutePath, isWhole: Bool) {
        let status: FileStatus
        do { status = try SystemFileLayer().status(path: path.system, followSymlink: roots.contains(path)) } catch {
            guard error.number == ENOENT || error.number == ENOTDIR else { return }
            // A missing root may be a disk that is not mounted: its lines are kept, although none of its files is
            // handed out.
            if !roots.contains(path) { gone(path) }
            return
        }
        switch status.kind {
        case .file: consider(path, DeviceStamp(status), isWhole: isWhole || status.links > 1)
        case .directory: scansWanted.insert(path)
        case .symlink, .other: gone(path)
        }
    }

    private func gone(_ path: AbsolutePath) {
        _ = catalogue.remove(within: path)
        for file in waiting.keys where file.isWithin(path) { waiting[file] = nil }
    }

    /// A file is there and looks like this.
    func consider(_ path: AbsolutePath, _ stamp: DeviceStamp, isWhole: Bool) {
        let need = catalogue.need(at: path, looking: stamp)
        let root = roots.first { path.isWithin($0) }
        if need != .verification, root == nil, catalogue.entries[path] == nil { return }
        if options.rules.excludes(path, below: root) { return }
        guard need != .nothing else {
            waiting[path] = nil
            return
        }
        // Moved or linked here: recognised by inode, size and time.
        if need == .hashing, let digest = catalogue.digestOfMoved(stamp) {
            waiting[path] = nil
            return catalogue.record(digest, at: path, looking: stamp)
        }
        let old = waiting[path]
        waiting[path] = Waiting(
            due: Clocks.steady + Int64(options.settleTime * 1e9), size: stamp.size,
            isWhole: isWhole || old?.isWhole == true, isVerification: need == .verification)
    }

    private func limited(_ isLimited: Bool) {
        if isLimited, !self.isLimited {
            logger.warning(
                "some directories cannot be watched: raise fs.inotify.max_user_watches; until then scans find changes",
                metadata: ["every": "\(options.rescanInterval.map { "\($0) s" } ?? "never")"])
        }
        self.isLimited = isLimited
    }

    private var hasSharedRoots: Bool { roots.contains { SystemFileLayer().isShared($0.system) } }

    // MARK: Scanning

    private func scanNext() {
        guard !isScanning, !isStopped, let tree = scansWanted.min(by: { $0.bytes.count < $1.bytes.count }) else {
            return
        }
        scansWanted = scansWanted.filter { !$0.isWithin(tree) }
        isScanning = true
        if roots.contains(tree) { lastScan = Clocks.steady }
        let scanner = TreeScanner(rules: options.rules)
        let known = catalogue
        let stop = stopFlag
        Task {
            let result = await Threads.offload(name: "swoop-scan") {
                scanner.scan(tree, stop: stop) { path, stamp in known.need(at: path, looking: stamp) != .nothing }
            }
            scanned(result)
        }
    }

    private func scanned(_ result: ScanResult) {
        isScanning = false
        guard !isStopped, !result.wasStopped else { return }
        for (path, error) in result.unreadable { trouble(path, "cannot be listed: \(error)") }
        if result.isMissing {
            if !roots.contains(result.tree) { gone(result.tree) }
        } else if isUnmounted(result) {
            logger.warning(
                "a root is empty and on another disk than before: taken for not mounted, its lines stay",
                metadata: ["root": "\(result.tree)"])
        } else {
            // What was added while the walk went on was not seen, and is there all the same.
            _ = catalogue.remove(within: result.tree) { path in
                result.isGone(path) && SystemFileLayer().isMissing(path.system)
            }
        }
        for file in result.files { consider(file.path, file.stamp, isWhole: file.links > 1) }
        catalogue.forgetDeparted()
        inbox.poke()
    }

    private func isUnmounted(_ result: ScanResult) -> Bool {
        guard result.isEmpty, roots.contains(result.tree), let device = result.device else { return false }
        return catalogue.entries.contains { path, entry in
            guard path.isWithin(result.tree), case .verified(let stamp) = entry.trust else { return false }
            return stamp.device != device
        }
    }

    // MARK: Hashing

    private func hashDue() {
        guard !isStopped else { return }
        let now = Clocks.steady
        for (path, file) in waiting where file.due <= now && inFlight[path] == nil {
            waiting[path] = nil
            inFlight[path] = file
            queue.append(HashItem(tag: 0, path: path, isWhole: file.isWhole))
        }
        let most = options.hashing.threads ?? Threads.processors
        var limits = options.hashing
        limits.threads = 1
        limits.bufferBytes /= most
        let wanted = min(most, hashingThreads + queue.count)
        while hashingThreads < wanted {
            hashingThreads += 1
            let hasher = FileHasher(limits: limits)
            let (queue, inbox, stop) = (queue, inbox, stopFlag)
            Task {
                await hasher.run(expecting: .max, stop: stop, progress: { queue.read($0) }) { isFirst in
                    queue.next(isFirst: isFirst, threads: most)
                } each: { item, result in
                    inbox.hashed(item, result)
                }
                hashingThreads -= 1
                hashDue()
            }
        }
    }

    func takeResults(_ news: LibraryInbox.Contents) {
        for (item, result) in news.hashed {
            guard let file = inFlight.removeValue(forKey: item.path) else { continue }
            switch result {
            case .success(let hashed): accept(item.path, hashed, file)
            case .failure(let failure): retry(item.path, file, failure)
            }
        }
    }

    private func accept(_ path: AbsolutePath, _ hashed: HashedFile, _ file: Waiting) {
        problems[path] = nil
        // It may have changed or gone since it was read, and the event about that come before this result.
        guard let status = try? SystemFileLayer().status(path: path.system), status.kind == .file else {
            return gone(path)
        }
        guard DeviceStamp(status) == hashed.stamp else { return retry(path, file, .changed) }
        // What somebody did to its line meanwhile holds.
        guard catalogue.need(at: path, looking: hashed.stamp) != .nothing else { return }
        catalogue.record(hashed.sha1, at: path, looking: hashed.stamp, isVerification: file.isVerification)
        if case .disputed = catalogue.entries[path]?.trust {
            logger.warning(
                "a line of the table is not true of its file, and is not used", metadata: ["path": "\(path)"])
        }
    }

    private func retry(_ path: AbsolutePath, _ file: Waiting, _ failure: HashFailure) {
        var file = file
        file.attempts += 1
        let pause: Double
        switch failure {
        case .vanished, .notAFile: return gone(path)
        case .cancelled: return
        case .beingWritten: pause = options.writerRetry
        case .changed: pause = min(60, options.settleTime * Double(1 << min(file.attempts, 6)))
        case .unreadable:
            trouble(path, failure.description)
            // The next scan tries again.
            guard file.attempts < 4 else { return }
            pause = 30
        }
        if let newer = waiting[path], newer.isWhole { return }
        file.due = Clocks.steady + Int64(pause * 1e9)
        waiting[path] = file
    }

    func trouble(_ path: AbsolutePath, _ text: String) {
        if problems[path] == nil, problems.count < 1000 {
            logger.warning("a file of the library cannot be used", metadata: ["path": "\(path)", "problem": "\(text)"])
        }
        if problems.count < 1000 { problems[path] = text }
    }

    // MARK: The table

    /// Reads changes that others made to the table, and writes ours. A failed write is repeated.
    func save() {
        let begin = Clocks.steady
        do throws(LibraryError) {
            report(try store.synchronize(&catalogue))
            tableProblem = nil
        } catch {
            if tableProblem != error { logger.error("the table cannot be saved", metadata: ["problem": "\(error)"]) }
            tableProblem = error
        }
        lastSave = Clocks.steady
        // After a failure, wait before the next attempt.
        saveCost = tableProblem == nil ? lastSave - begin : 5_000_000_000
    }

    func report(_ outcome: TableStore.Outcome) {
        if !outcome.unreadable.isEmpty {
            logger.warning(
                "lines of the table cannot be read and are kept as comments",
                metadata: ["lines": "\(outcome.unreadable.prefix(20))"])
        }
        guard outcome.didRead, isStarted, outcome.removed + outcome.claimed > 0 else { return }
        logger.info(
            "the table was changed by hand",
            metadata: ["removed": "\(outcome.removed)", "changed": "\(outcome.claimed)"])
        for (path, entry) in catalogue.entries where entry.trust == .claimed { inbox.look(path, isWhole: true) }
    }
}
