import Files
import Glibc

@_silgen_name("renameat2")
private func linuxRenameAt2(
    _ directory: Int32, _ name: UnsafePointer<CChar>, _ newDirectory: Int32, _ newName: UnsafePointer<CChar>,
    _ flags: UInt32
) -> Int32

/// Why the node could not do something with a path.
struct FileFailure: Error, Sendable, Hashable, CustomStringConvertible {
    let operation: String
    let path: String
    let number: Int32

    var description: String { "cannot \(operation) \(path): \(SystemError(number))" }
}

/// The few file operations of the daemon itself, by path, all of which block only as long as a local disk does. Content
/// is never read through these.
enum NodeFiles {
    enum Kind: Sendable, Equatable { case file, directory, other }

    struct Status: Sendable, Equatable {
        let kind: Kind
        let size: Int64
        let device: UInt64
        let inode: UInt64
        /// Last change of content and of anything at all, in nanoseconds since 1970.
        let modified: Int64
        let changed: Int64
    }

    /// Of the path itself: a symbolic link is `other`. Nil when there is nothing.
    static func status(_ path: String, follow: Bool = false) -> Status? {
        var status = stat()
        guard (follow ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
        return Status(status)
    }

    /// Permission bits; nil when there is nothing, or no regular file.
    static func mode(_ path: String) -> UInt32? {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return status.st_mode & 0o7777
    }

    static func exists(_ path: String) -> Bool { status(path, follow: true) != nil }

    /// Makes a directory and those above it.
    static func makeDirectory(_ path: String) throws(FileFailure) {
        if mkdir(path, 0o755) == 0 || status(path, follow: true)?.kind == .directory { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw FileFailure(operation: "make the directory", path: path, number: errno)
        }
        try makeDirectory(String(path[..<slash]))
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw FileFailure(operation: "make the directory", path: path, number: errno)
        }
    }

    /// Reads a regular file of at most `limit` bytes. A FIFO, a link, a device and a directory are refused, and none of
    /// them is waited for.
    static func read(_ path: String, limit: Int) throws(FileFailure) -> [UInt8] {
        func failure(_ number: Int32) -> FileFailure { FileFailure(operation: "read", path: path, number: number) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)
        guard descriptor >= 0 else { throw failure(errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw failure(EINVAL) }
        guard Int64(status.st_size) <= Int64(limit) else { throw failure(EFBIG) }
        switch contents(of: descriptor, limit: limit) {
        case .success(let bytes): return bytes
        case .failure(let error): throw failure(error.number)
        }
    }

    /// A number of the system's, where it is not known yet what it is about.
    struct SystemNumber: Error { let number: Int32 }

    /// What an open file holds, from where it stands: at most `limit` bytes.
    static func contents(of descriptor: Int32, limit: Int) -> Result<[UInt8], SystemNumber> {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= limit {
            let count = block.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return .success(bytes) }
            if count > 0 {
                bytes.append(contentsOf: block[..<count])
            } else if errno != EINTR {
                return .failure(SystemNumber(number: errno))
            }
        }
        return .failure(SystemNumber(number: EFBIG))
    }

    /// Writes all bytes and makes them durable.
    /// - Returns: `errno`, or 0.
    static func fill(_ descriptor: Int32, with bytes: [UInt8]) -> Int32 {
        var position = 0
        while position < bytes.count {
            let count = bytes[position...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 { position += count } else if errno != EINTR { return errno }
        }
        return fsync(descriptor) == 0 ? 0 : errno
    }

    /// A hidden name that nobody has yet, short whatever the file's own name is.
    static func temporaryName() -> String { ".\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).new" }

    /// Replaces a file in one step: whatever happens, either the old or the new one is there, whole and durable.
    static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o644) throws(FileFailure) {
        func failure(_ number: Int32) -> FileFailure { FileFailure(operation: "write", path: path, number: number) }
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        let temporary = "\(path[..<slash])/\(temporaryName())"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else { throw failure(errno) }
        var problem = fill(descriptor, with: bytes)
        close(descriptor)
        if problem == 0, Glibc.rename(temporary, path) != 0 { problem = errno }
        guard problem == 0 else {
            unlink(temporary)
            throw failure(problem)
        }
        synchronizeDirectory(of: path)
    }

    /// Moves in one step, and makes the move durable.
    static func move(_ path: String, to target: String) throws(FileFailure) {
        guard Glibc.rename(path, target) == 0 else {
            throw FileFailure(operation: "move", path: path, number: errno)
        }
        synchronizeDirectory(of: target)
        synchronizeDirectory(of: path)
    }

    /// Lets two things change places in one step.
    static func exchange(_ path: String, with other: String) throws(FileFailure) {
        guard linuxRenameAt2(AT_FDCWD, path, AT_FDCWD, other, 2) == 0 else {
            throw FileFailure(operation: "exchange", path: path, number: errno)
        }
        synchronizeDirectory(of: other)
        synchronizeDirectory(of: path)
    }

    /// Removes a regular file by a path that the node made. A directory, a link or a pipe of that name stays: no tree is
    /// ever removed by its path (see ``OwnTree``).
    /// - Parameter onlyIfEmpty: a file with bytes in it stays too.
    static func removeFile(_ path: String, onlyIfEmpty: Bool = false) {
        guard let slash = path.lastIndex(of: "/"),
            let directory = try? HeldDirectory.open(configured: slash == path.startIndex ? "/" : String(path[..<slash]))
        else { return }
        let name = String(path[path.index(after: slash)...])
        if onlyIfEmpty, directory.status(name)?.size != 0 { return }
        directory.removeFile(name)
    }

    /// The names in a directory that are UTF-8, sorted; empty when it cannot be listed.
    static func names(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        return rawNames(of: stream).compactMap {
            String(validating: $0.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
        .sorted()
    }

    /// The names that are still to come, as the system has them, each with its NUL; `.` and `..` are left out.
    static func rawNames(of stream: OpaquePointer) -> [[CChar]] {
        var names: [[CChar]] = []
        while let entry = readdir(stream) {
            // The name is NUL-terminated and may be longer than the field that is declared for it.
            guard let field = MemoryLayout<dirent>.offset(of: \.d_name) else { continue }
            let start = UnsafeRawPointer(entry).advanced(by: field).assumingMemoryBound(to: CChar.self)
            let name = Array(UnsafeBufferPointer(start: start, count: strlen(start) + 1))
            if name == [0x2e, 0] || name == [0x2e, 0x2e, 0] { continue }
            names.append(name)
        }
        return names
    }

    /// The path without links, `.` and `..`; nil when it leads nowhere.
    static func resolved(_ path: String) -> String? {
        guard let text = realpath(path, nil) else { return nil }
        defer { free(text) }
        return String(validatingCString: text)
    }

    /// A path whose directory is written without links; the last name may be one. As it is where there is no directory.
    static func resolvedParent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex,
            let parent = resolved(String(path[..<slash]))
        else { return path }
        return (parent == "/" ? "" : parent) + path[slash...]
    }

    static func synchronizeDirectory(of path: String) {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        let directory = slash == path.startIndex ? "/" : String(path[..<slash])
        let descriptor = open(directory, O_RDONLY | O_CLOEXEC | O_DIRECTORY)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// Whether two paths, or the nearest directories above them that exist, lie in one file system.
    static func areOnOneDevice(_ one: String, _ other: String) -> Bool { device(of: one) == device(of: other) }

    private static func device(of path: String) -> UInt64? {
        var path = path
        while true {
            if let status = status(path, follow: true) { return status.device }
            guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
                return status("/", follow: true)?.device
            }
            path = String(path[..<slash])
        }
    }
}

extension NodeFiles.Status {
    init(_ status: stat) {
        func nanoseconds(_ time: timespec) -> Int64 {
            Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000).partialValue &+ Int64(time.tv_nsec)
        }
        self.init(
            kind: status.st_mode & S_IFMT == S_IFREG ? .file : status.st_mode & S_IFMT == S_IFDIR ? .directory : .other,
            size: Int64(status.st_size), device: UInt64(truncatingIfNeeded: status.st_dev),
            inode: UInt64(truncatingIfNeeded: status.st_ino), modified: nanoseconds(status.st_mtim),
            changed: nanoseconds(status.st_ctim))
    }
}
