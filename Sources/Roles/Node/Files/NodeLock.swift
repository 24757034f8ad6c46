import Files
import Jobs

/// The lock on DATA. It holds for as long as this object or the process lives: two nodes would run the same tasks, and write to the
/// same staging directories.
final class NodeLock: Sendable {
    private let file: HeldFile

    private init(_ file: HeldFile) { self.file = file }

    /// Blocks on the disk.
    /// - Parameter data: DATA, which is there.
    /// - Returns: nil on a file system that has no locks.
    /// - Throws: `NodeDirectoryError` if another node has the lock, or if the file cannot be made.
    static func take(_ data: String) throws(NodeDirectoryError) -> NodeLock? {
        let path = "\(data)/node.lock"
        let file: HeldFile
        do throws(SystemError) {
            let (directory, name) = try HeldDirectory.holding(SystemPath(path))
            file = try directory.open(name, [.write, .create, .hiddenFromOthers])
        } catch {
            throw NodeDirectoryError(FileFailure("open", path, error))
        }
        guard let isOurs = try? file.lock() else { return nil }
        guard isOurs else { throw NodeDirectoryError(takenData: data) }
        return NodeLock(file)
    }
}

extension HeldFile {
    /// - Returns: false if another open file has the lock.
    fileprivate func lock() throws(SystemError) -> Bool { try PathFiles.files.lock(descriptor) }
}
