import Files
import Glibc
import Metainfo
import Storage

/// A file or directory in an open directory, and the files below it by path. Symbolic links are not followed.
struct PulledTree: Sendable {
    let holder: HeldDirectory
    let name: FileName
    /// The path in messages.
    let display: String

    /// The directory of a file of the tree, and the file's name in it.
    /// - Parameter creating: whether missing directories are made.
    /// - Throws: `ENOENT` or `ENOTDIR` where a directory of the path is missing or is not a directory.
    func place(
        of path: SafePath, creating: Bool = false
    ) throws(Files.SystemError) -> (directory: HeldDirectory, name: FileName) {
        guard !path.isEmpty else { return (holder, name) }
        var directory = try enter(name, in: holder, creating)
        let components = path.components
        for component in components.dropLast() {
            directory = try enter(FileName(checked: component.bytes[...]), in: directory, creating)
        }
        guard let last = components.last else { return (holder, name) }
        return (directory, FileName(checked: last.bytes[...]))
    }

    private func enter(
        _ name: FileName, in directory: HeldDirectory, _ creating: Bool
    ) throws(Files.SystemError) -> HeldDirectory {
        if creating {
            do throws(Files.SystemError) {
                try directory.makeDirectory(name)
            } catch  where error.number == EEXIST {}
        }
        return try directory.directory(name)
    }

    /// The status of the file at a path of the tree; nil where there is none.
    func status(_ path: SafePath) throws(Files.SystemError) -> FileStatus? {
        do throws(Files.SystemError) {
            let (directory, name) = try place(of: path)
            return try directory.status(name)
        } catch {
            // A directory of the path is missing, or is a file or a link.
            if [ENOENT, ENOTDIR, ELOOP].contains(error.number) { return nil }
            throw error
        }
    }

    /// Opens a regular file of the tree; nil for anything else.
    func open(_ path: SafePath, _ options: OpenOptions = []) throws(Files.SystemError) -> HeldFile? {
        do throws(Files.SystemError) {
            let (directory, name) = try place(of: path)
            guard try directory.status(name)?.kind == .file else { return nil }
            let file = try directory.open(name, options)
            return try file.status().kind == .file ? file : nil
        } catch {
            if [ENOENT, ENOTDIR, ELOOP].contains(error.number) { return nil }
            throw error
        }
    }

    func display(_ path: SafePath) -> String { path.isEmpty ? display : "\(display)/\(path.display)" }

    /// All entries of the tree that are not directories, including symbolic links, with their paths. Does not change the
    /// tree.
    /// - Throws: `E2BIG` for more than `limit` entries.
    func entries(limit: Int) throws(Files.SystemError) -> [(path: SafePath, status: FileStatus)] {
        guard let top = try holder.status(name), top.kind == .directory else { return [] }
        var found: [(SafePath, FileStatus)] = []
        var waiting: [[UInt8]] = [[]]
        while let path = waiting.popLast() {
            let directory: HeldDirectory
            if path.isEmpty {
                directory = try holder.directory(name)
            } else {
                guard let safe = try? SafePath(components: path.split(separator: UInt8(ascii: "/"))) else { continue }
                let (above, last) = try place(of: safe)
                directory = try above.directory(last)
            }
            for entry in try directory.names() {
                guard let status = try directory.status(entry) else { continue }
                let below = path.isEmpty ? entry.bytes : path + [UInt8(ascii: "/")] + entry.bytes
                guard found.count + waiting.count < limit,
                    let safe = try? SafePath(components: below.split(separator: UInt8(ascii: "/")))
                else { throw Files.SystemError(E2BIG) }
                if status.kind == .directory { waiting.append(below) } else { found.append((safe, status)) }
            }
        }
        return found
    }
}
