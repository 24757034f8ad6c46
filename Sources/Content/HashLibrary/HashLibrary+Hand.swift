import Files
import Hashing
import Threads

/// The result of adding or rebuilding.
package struct AddReport: Sendable, Equatable {
    /// Number of files hashed now, and their bytes.
    package var hashed = 0
    package var bytes: Int64 = 0
    /// Number of files that were in the table and have not changed.
    package var unchanged = 0
    /// Files that could not be hashed, and why.
    package var failed: [AbsolutePath: HashFailure] = [:]

    package init() {}
}

/// The result of comparing the table with the files.
package struct CheckReport: Sendable, Equatable {
    /// Lines whose file exists and is unchanged since it was hashed (or, if files were read, has that content).
    package var right = 0
    /// Lines without a file.
    package var missing: [AbsolutePath] = []
    /// Lines whose file has changed since it was hashed, or has other content.
    package var changed: [AbsolutePath] = []
    /// Lines written by hand that have not been checked, or that are wrong.
    package var unchecked: [AbsolutePath] = []
    package var untrue: [AbsolutePath] = []
    /// Files below the roots that have no line.
    package var unlisted: [AbsolutePath] = []
    /// Files and directories that could not be read or listed.
    package var unreadable: [AbsolutePath] = []

    package init() {}

    /// Whether every line is right and every file has a line.
    package var isClean: Bool {
        missing.isEmpty && changed.isEmpty && unchecked.isEmpty && untrue.isEmpty && unlisted.isEmpty
            && unreadable.isEmpty
    }
}

/// Commands for users: `swoop library add`, `rebuild` and `check`. They also work without `start`, beside a node that
/// maintains the same table.
extension HashLibrary {
    /// Hashes new and changed files at or below a path, and saves. Lines that were removed or are wrong are written
    /// again. Cancelling keeps what was hashed.
    /// - Parameter progress: bytes done and bytes in total.
    package func add(
        _ path: AbsolutePath, progress: @escaping @Sendable (Int64, Int64) -> Void = { _, _ in }
    ) async throws(LibraryError) -> AddReport {
        if !isStarted { try load() } else { await noticeEdits() }
        if options.rules.excludes(path, below: roots.first { path.isWithin($0) }) {
            throw LibraryError(.excluded, path.description)
        }
        let (scanner, known, stop) = (TreeScanner(rules: options.rules), catalogue, StopFlag())
        let scan = await withTaskCancellationHandler {
            await Threads.offload(name: "swoop-scan") {
                scanner.scan(path, stop: stop) { path, stamp in known.digest(at: path, looking: stamp) == nil }
            }
        } onCancel: {
            stop.set()
        }
        if let (_, error) = scan.unreadable.first(where: { $0.path == path }) {
            throw LibraryError(.unreadable(error), path.description)
        }
        if scan.isMissing { throw LibraryError(.unreadable(SystemError(2)), path.description) }
        if scan.wasStopped { throw LibraryError(.stopped, path.description) }
        _ = catalogue.remove(within: path) { scan.isGone($0) && SystemFileLayer().isMissing($0.system) }
        var report = AddReport()
        report.unchanged = scan.seen.count - scan.files.count
        for (path, error) in scan.unreadable { report.failed[path] = .unreadable(error) }
        await hash(scan.files.map(\.path), total: scan.files.reduce(0) { $0 &+ $1.stamp.size }, progress, &report)
        try saveNow()
        if Task.isCancelled { throw LibraryError(.stopped, path.description) }
        return report
    }

    private func hash(
        _ paths: [AbsolutePath], total: Int64, _ progress: @escaping @Sendable (Int64, Int64) -> Void,
        _ report: inout AddReport
    ) async {
        let (results, sink) = AsyncStream.makeStream(of: (Int, Result<HashedFile, HashFailure>).self)
        let counter = HashQueue()
        let hasher = FileHasher(limits: FileHasher.Limits())
        async let hashing: Void = {
            await hasher.hash(paths) { count in
                counter.read(count)
                progress(counter.bytesRead, total)
            } each: { index, result in
                sink.yield((index, result))
            }
            sink.finish()
        }()
        for await (index, result) in results {
            let path = paths[index]
            switch result {
            case .success(let file):
                waiting[path] = nil
                catalogue.record(file.sha1, at: path, looking: file.stamp)
                report.hashed += 1
                report.bytes &+= file.size
            case .failure(let failure): report.failed[path] = failure
            }
            if Clocks.steady - lastSave > max(Int64(options.saveInterval * 1e9), saveCost * 20) { save() }
        }
        await hashing
    }

    private func saveNow() throws(LibraryError) {
        save()
        if let tableProblem { throw tableProblem }
    }

    /// Discards the whole table, including users' edits, and hashes all files below the roots again. If it is
    /// interrupted, the next start hashes the rest.
    package func rebuild(
        progress: @escaping @Sendable (Int64, Int64) -> Void = { _, _ in }
    ) async throws(LibraryError) -> AddReport {
        if !isStarted { try load() } else { await noticeEdits() }
        catalogue.forgetEverything()
        waiting = [:]
        try saveNow()
        var report = AddReport()
        for root in roots {
            do throws(LibraryError) {
                let part = try await add(root, progress: progress)
                report.hashed += part.hashed
                report.bytes &+= part.bytes
                report.unchanged += part.unchanged
                report.failed.merge(part.failed) { first, _ in first }
            } catch {
                guard case .unreadable(let reason) = error.kind else { throw error }
                report.failed[root] = .unreadable(reason)
            }
        }
        return report
    }

    /// Compares the table with the files, without changing anything.
    /// - Parameter reading: read and hash every file that has a line, which also finds silent corruption.
    package func check(reading: Bool = false) async throws(LibraryError) -> CheckReport {
        if !isStarted { try load() } else { await noticeEdits() }
        var report = CheckReport()
        var right: [AbsolutePath] = []
        for (path, entry) in catalogue.entries {
            guard let status = try? SystemFileLayer().status(path: path.system), status.kind == .file else {
                report.missing.append(path)
                continue
            }
            switch entry.trust {
            case .verified(let stamp) where stamp.isSameFile(as: DeviceStamp(status)): right.append(path)
            case .verified: report.changed.append(path)
            case .claimed: report.unchecked.append(path)
            case .disputed: report.untrue.append(path)
            }
        }
        let expected = catalogue
        if reading {
            for (path, result) in zip(right, await FileHasher().hash(right)) {
                switch result {
                case .success(let file) where file.sha1 == expected.entries[path]?.sha1: report.right += 1
                case .success: report.changed.append(path)
                case .failure: report.unreadable.append(path)
                }
            }
        } else {
            report.right = right.count
        }
        let scanner = TreeScanner(rules: options.rules)
        for root in roots {
            let scan = await Threads.offload(name: "swoop-scan") {
                scanner.scan(root, stop: StopFlag()) { path, _ in expected.entries[path] == nil }
            }
            report.unlisted += scan.files.map(\.path)
            report.unreadable += scan.unreadable.map(\.path)
        }
        report.missing.sort()
        report.changed.sort()
        report.unchecked.sort()
        report.untrue.sort()
        report.unlisted.sort()
        report.unreadable.sort()
        return report
    }
}
