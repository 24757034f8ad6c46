import Files
import Glibc
import Synchronization

/// The files below one directory, by path. Symbolic links below it are not followed, and no path leads out of it.
package final class FileTree: Sendable {
    package let path: String
    private let root: HeldDirectory
    /// The prefix of the names of files that are still being written. They are not listed.
    private static let temporaryPrefix = ".swoop-new-"

    /// Opens the directory.
    /// - Parameter creating: whether it is made if it is missing.
    package init(path: String, creating: Bool = true) throws(SystemError) {
        self.path = path
        root = try HeldDirectory.open(SystemPath(path), creating: creating)
    }

    /// The size of a file in bytes; nil when there is no such file.
    package func size(of path: BackendPath) throws(SystemError) -> Int64? {
        guard let (directory, name) = try place(of: path, creating: false), let status = try directory.status(name),
            status.kind == .file
        else { return nil }
        return status.size
    }

    /// Opens a file; nil when there is no such file.
    package func open(_ path: BackendPath) throws(SystemError) -> HeldFile? {
        guard let (directory, name) = try place(of: path, creating: false), try directory.status(name)?.kind == .file
        else { return nil }
        do throws(SystemError) {
            return try directory.open(name)
        } catch  where error.number == ENOENT {
            return nil
        }
    }

    /// Begins a new file for a path. Its commit replaces an old file of that path atomically. Missing directories are made.
    package func replacement(for path: BackendPath) throws(SystemError) -> FileReplacement {
        guard let (directory, name) = try place(of: path, creating: true) else { throw SystemError(ENOENT) }
        return FileReplacement(try directory.replacement(name, temporary: .random(prefix: Self.temporaryPrefix)))
    }

    /// Calls `body` with the paths of all files below a directory. Files and directories that vanish meanwhile are left out.
    /// - Parameter directory: nil for all files.
    package func forEach(below directory: BackendPath?, _ body: (String) throws(SystemError) -> Void)
        throws(SystemError)
    {
        var start = root
        for component in directory?.components ?? [] {
            guard let name = FileName(component),
                let next = try Self.missingIsNil({ () throws(SystemError) in
                    try start.directory(name)
                })
            else { return }
            start = next
        }
        try Self.walk(start, prefix: directory.map { $0.text + "/" } ?? "", body)
    }

    private static func walk(
        _ directory: HeldDirectory, prefix: String, _ body: (String) throws(SystemError) -> Void
    ) throws(SystemError) {
        let names = try directory.names().sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        for name in names where !name.text.hasPrefix(temporaryPrefix) {
            switch try directory.status(name)?.kind {
            case .file: try body(prefix + name.text)
            case .directory:
                guard let inner = try missingIsNil({ () throws(SystemError) in try directory.directory(name) }) else {
                    continue
                }
                try walk(inner, prefix: prefix + name.text + "/", body)
            default: continue
            }
        }
    }

    private func place(
        of path: BackendPath, creating: Bool
    ) throws(SystemError) -> (HeldDirectory, FileName)? {
        var names = path.components.compactMap { FileName($0) }
        guard let last = names.popLast() else { return nil }
        var directory = root
        for name in names {
            if let next = try Self.missingIsNil({ () throws(SystemError) in try directory.directory(name) }) {
                directory = next
                continue
            }
            guard creating else { return nil }
            do throws(SystemError) {
                try directory.makeDirectory(name)
            } catch  where error.number == EEXIST {}
            try directory.synchronize()
            directory = try directory.directory(name)
        }
        return (directory, last)
    }

    /// Nil where a directory is missing, or is a file.
    private static func missingIsNil<Value>(
        _ body: () throws(SystemError) -> Value
    ) throws(SystemError) -> Value? {
        do throws(SystemError) {
            return try body()
        } catch  where error.number == ENOENT || error.number == ENOTDIR {
            return nil
        }
    }
}

/// A file that is being written under a temporary name, and gets its own name when it is complete. One caller at a time. If
/// it is deallocated before its commit, the temporary file is removed.
package final class FileReplacement: Sendable {
    private struct Open: ~Copyable {
        var file: AtomicFile
        var length: Int64 = 0
    }

    private let open: Mutex<Open>

    init(_ file: consuming sending AtomicFile) { open = Mutex(Open(file: file)) }

    package func append(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        try open.withLock { open throws(SystemError) in
            try SystemFileLayer().write(open.file.descriptor, bytes, at: open.length)
            open.length += Int64(bytes.count)
        }
    }

    /// Makes the file durable under its name.
    package func commit() throws(SystemError) {
        try open.withLock { open throws(SystemError) in try open.file.commit() }
    }
}
