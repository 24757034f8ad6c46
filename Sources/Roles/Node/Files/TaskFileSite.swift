import BFT
import Files
import Glibc
import Jobs

/// A task file that a caller named: its directory, held open, and its name in it. What is read, written and removed is
/// in that directory, whoever swaps the names above it meanwhile.
package struct TaskFileSite: Sendable {
    private let directory: HeldDirectory
    /// Where the directory was when it was opened, without links; empty for the root.
    package let directoryPath: String
    private let fileName: FileName
    /// `*.task.json`.
    package var name: String { fileName.text }
    /// Where it really is, without links.
    package var path: String { "\(directoryPath)/\(name)" }

    fileprivate init(_ directory: HeldDirectory, at real: String, name: FileName) {
        self.directory = directory
        directoryPath = real == "/" ? "" : real
        fileName = name
    }

    /// A file that was read, with what it takes to remove just that one.
    package struct Given: Sendable {
        package let site: TaskFileSite
        package let bytes: [UInt8]
        fileprivate let identity: EntryIdentity

        /// Removes the file that was read, and nothing else that may have its name by now.
        package func remove() { _ = try? site.directory.removeFile(site.fileName, if: identity) }
    }

    package func read() throws(FileFailure) -> Given {
        do throws(SystemError) {
            let file = try directory.read(fileName, limit: TaskDirectories.mostBytes)
            return Given(site: self, bytes: file.bytes, identity: EntryIdentity(file.status))
        } catch {
            throw FileFailure("read", path, error)
        }
    }

    /// Whether there is a regular file, or nothing.
    package var isFileOrNothing: Bool { status.map { $0.kind == .file } ?? true }
    package var isThere: Bool { status?.kind == .file }
    private var status: FileStatus? { (try? directory.status(fileName)) ?? nil }

    /// Writes it new and renames it into place.
    /// - Throws: `EEXIST` when what has the name is no regular file.
    package func write(_ bytes: [UInt8]) throws(FileFailure) {
        guard isFileOrNothing else { throw FileFailure(operation: "write", path: path, number: EEXIST) }
        // Keys of an object store may be in it.
        do throws(SystemError) {
            try directory.replace(fileName, with: bytes, temporary: PathFiles.temporary, PathFiles.options(0o640))
        } catch {
            throw FileFailure("write", path, error)
        }
    }

    /// Removes a regular file of that name.
    package func remove() { _ = try? directory.removeFile(fileName) }
}

/// The places that the API reads task files from and writes them to.
package struct TaskRoots: Sendable {
    /// Directories that the configuration names.
    package let roots: [String]
    /// BASE: published content is no task file, whatever it is called.
    package let base: String
    /// DATA: in it are the directories that are the record of every task.
    package let data: String

    package init(_ configuration: NodeConfiguration) {
        roots = configuration.taskRoots
        base = configuration.baseDataPath
        data = configuration.dataPath
    }

    /// The site of a task file that a caller named: `*.task.json` below one of the roots and not below BASE, of a
    /// regular file or of nothing.
    /// - Throws: `ENOENT` for every other path, whether there is something or not.
    package func site(_ path: String) throws(FileFailure) -> TaskFileSite {
        let refusal = FileFailure(operation: "open", path: path, number: ENOENT)
        guard path.hasPrefix("/"), let slash = path.lastIndex(of: "/"), path.utf8.count <= 4000,
            !path.utf8.contains(0)
        else { throw refusal }
        let name = String(path[path.index(after: slash)...])
        guard TaskDirectories.isTaskName(name),
            let real = PathFiles.resolved(slash == path.startIndex ? "/" : String(path[..<slash])),
            roots.contains(where: { Self.isIn(real, $0) }), !Self.isIn(real, base),
            // Between the question and this a name may have been swapped: no link is followed any more.
            let file = FileName(name), let directory = try? HeldDirectory.open(withoutLinks: SystemPath(real))
        else { throw refusal }
        let site = TaskFileSite(directory, at: real, name: file)
        guard site.isFileOrNothing else { throw refusal }
        return site
    }

    /// A site that a task file may be written to. The directories of tasks that wait, run or are over are not for
    /// callers to write to, only the two `tmp` are.
    /// - Throws: `ENOENT` as ``site(_:)`` does.
    package func outputSite(_ path: String) throws(FileFailure) -> TaskFileSite {
        let site = try site(path)
        let own = ["sender", "receiver", "transfer"].map { "\(data)/\($0)" }
        let open = TaskSide.allCases.map { "\(data)/\($0.rawValue)/\(TaskState.tmp.rawValue)" }
        guard
            !own.contains(where: { Self.isIn(site.directoryPath, $0) })
                || open.contains(where: { Self.isIn(site.directoryPath, $0) })
        else { throw FileFailure(operation: "open", path: path, number: ENOENT) }
        return site
    }

    /// - Throws: `ENOENT` for a path that may not be named.
    package func read(_ path: String) throws(FileFailure) -> TaskFileSite.Given { try site(path).read() }

    /// Whether a directory without links is `root` or lies below it.
    private static func isIn(_ real: String, _ root: String) -> Bool {
        guard let root = PathFiles.resolved(root) else { return false }
        return real == root || real.hasPrefix(root == "/" ? "/" : root + "/")
    }
}
