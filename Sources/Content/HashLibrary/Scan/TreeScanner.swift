import Files
import Glibc

/// The result of walking a tree.
struct ScanResult: Sendable {
    struct Found: Sendable {
        let path: AbsolutePath
        let stamp: DeviceStamp
        let links: UInt64
    }

    var tree: AbsolutePath
    /// The files selected by the caller.
    var files: [Found] = []
    /// All files.
    var seen: Set<AbsolutePath> = []
    /// Paths that could not be listed or examined: what is below them is unknown.
    var unreadable: [(path: AbsolutePath, error: SystemError)] = []
    /// Bytes and number of all files found.
    var totalBytes: Int64 = 0
    /// The tree does not exist.
    var isMissing = false
    /// The tree is an empty directory.
    var isEmpty = false
    /// Device of the top directory.
    var device: UInt64?
    var wasStopped = false

    /// Whether a path that was not found surely does not exist.
    func isGone(_ path: AbsolutePath) -> Bool {
        !wasStopped && !seen.contains(path) && !unreadable.contains { path.isWithin($0.path) }
    }
}

/// Walks trees without following symlinks, except that the top may be a symlink (to a root that an administrator
/// linked).
struct TreeScanner: Sendable {
    let rules: LibraryRules
    /// Maximum depth; a path has at most 2,048 components.
    private static let deepest = 2048

    /// - Parameter isWanted: whether to include a file in `files`.
    func scan(
        _ tree: AbsolutePath, stop: StopFlag, isWanted: (AbsolutePath, DeviceStamp) -> Bool
    ) -> ScanResult {
        var result = ScanResult(tree: tree)
        let top: FileStatus
        do { top = try SystemFileLayer().status(path: tree.system, followSymlink: true) } catch {
            result.isMissing = error.number == ENOENT || error.number == ENOTDIR
            if !result.isMissing { result.unreadable.append((tree, error)) }
            return result
        }
        result.device = top.device
        if top.kind == .file { add(tree, top, to: &result, isWanted) }
        guard top.kind == .directory else { return result }
        var waiting = [tree]
        while let directory = waiting.popLast() {
            if stop.isSet {
                result.wasStopped = true
                return result
            }
            list(directory, isTop: directory == tree, into: &result, waiting: &waiting, isWanted)
        }
        return result
    }

    private func list(
        _ directory: AbsolutePath, isTop: Bool, into result: inout ScanResult, waiting: inout [AbsolutePath],
        _ isWanted: (AbsolutePath, DeviceStamp) -> Bool
    ) {
        let names: [[UInt8]]
        do { names = try SystemFileLayer().names(in: directory.system, followSymlink: isTop) } catch {
            // What went away while we walked is gone; anything else leaves us without knowledge.
            if error.number != ENOENT { result.unreadable.append((directory, error)) }
            return
        }
        if isTop { result.isEmpty = names.isEmpty }
        for name in names where !rules.excludes(name: name) {
            guard let path = directory.appending(name), !rules.excludedTrees.contains(path) else { continue }
            do throws(SystemError) {
                let status = try SystemFileLayer().status(path: path.system)
                switch status.kind {
                case .file: add(path, status, to: &result, isWanted)
                case .directory: if path.components.count < Self.deepest { waiting.append(path) }
                case .symlink, .other: break
                }
            } catch  where error.number == ENOENT {
            } catch {
                result.unreadable.append((path, error))
            }
        }
    }

    private func add(
        _ path: AbsolutePath, _ status: FileStatus, to result: inout ScanResult,
        _ isWanted: (AbsolutePath, DeviceStamp) -> Bool
    ) {
        let stamp = DeviceStamp(status)
        result.seen.insert(path)
        result.totalBytes &+= status.size
        if isWanted(path, stamp) {
            result.files.append(ScanResult.Found(path: path, stamp: stamp, links: status.links))
        }
    }
}
