import Glibc

/// A directory that is held open: whatever happens to the names above it, what is done here is done in it.
///
/// Every entry is named by one component and none is followed if it is a link.
package final class HeldDirectory: Sendable {
    /// O_PATH, which the C library shows to GNU programs only.
    private static let pathOnly: Int32 = 0o10000000

    private let descriptor: Int32
    /// For error texts; another directory may have this name by now.
    package let path: String

    private init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    /// Opens a directory without following a link in any component of its path.
    /// - Parameter path: absolute, without `.`, `..` and links: what `realpath` returned.
    package static func open(real path: String) throws(FileFailure) -> HeldDirectory {
        var directory = try open(configured: "/")
        for component in path.split(separator: "/") { directory = try directory.directory(String(component)) }
        return directory
    }

    /// Opens a directory by any path; links are followed. For directories that the configuration names.
    package static func open(configured path: String) throws(FileFailure) -> HeldDirectory {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileFailure(operation: "open", path: path, number: errno) }
        return HeldDirectory(descriptor: descriptor, path: path == "/" ? "" : path)
    }

    deinit { close(descriptor) }

    private func failure(_ operation: String, _ name: String, _ number: Int32) -> FileFailure {
        FileFailure(operation: operation, path: "\(path)/\(name)", number: number)
    }

    /// A directory in this one; a link to a directory is none.
    package func directory(_ name: String) throws(FileFailure) -> HeldDirectory {
        var inner = openat(descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        // One that may be passed through and not listed.
        if inner < 0, errno == EACCES {
            inner = openat(descriptor, name, Self.pathOnly | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        }
        guard inner >= 0 else { throw failure("open", name, errno) }
        return HeldDirectory(descriptor: inner, path: "\(path)/\(name)")
    }

    /// Of the entry itself: a link is `other`. Nil when there is none.
    package func status(_ name: String) -> NodeFiles.Status? {
        var status = stat()
        guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        return NodeFiles.Status(status)
    }

    /// Reads a regular file of at most `limit` bytes, and says which file that was.
    package func read(_ name: String, limit: Int) throws(FileFailure) -> (bytes: [UInt8], identity: EntryIdentity) {
        let file = openat(descriptor, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)
        guard file >= 0 else { throw failure("read", name, errno) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw failure("read", name, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw failure("read", name, EINVAL) }
        guard Int64(status.st_size) <= Int64(limit) else { throw failure("read", name, EFBIG) }
        switch NodeFiles.contents(of: file, limit: limit) {
        case .success(let bytes): return (bytes, EntryIdentity(NodeFiles.Status(status)))
        case .failure(let error): throw failure("read", name, error.number)
        }
    }

    /// Writes a file anew beside its name, makes it durable and renames it: the old or the new one is there, whole. An
    /// entry of that name is replaced, never written through.
    package func write(_ bytes: [UInt8], to name: String, mode: mode_t) throws(FileFailure) {
        let temporary = NodeFiles.temporaryName()
        let file = openat(descriptor, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard file >= 0 else { throw failure("write", name, errno) }
        var problem = NodeFiles.fill(file, with: bytes)
        close(file)
        if problem == 0, renameat(descriptor, temporary, descriptor, name) != 0 { problem = errno }
        guard problem == 0 else {
            unlinkat(descriptor, temporary, 0)
            throw failure("write", name, problem)
        }
        fsync(descriptor)
    }

    /// Removes a regular file, if it is still the one that was read. Anything else stays.
    /// - Returns: whether it is gone.
    @discardableResult
    package func removeFile(_ name: String, if identity: EntryIdentity) -> Bool {
        guard let status = status(name), status.kind == .file, EntryIdentity(status) == identity else { return false }
        return unlink(name)
    }

    /// Removes an entry that is a regular file; a directory, a link or a pipe stays.
    @discardableResult
    package func removeFile(_ name: String) -> Bool {
        guard let status = status(name), status.kind == .file else { return false }
        return unlink(name)
    }

    private func unlink(_ name: String) -> Bool {
        guard unlinkat(descriptor, name, 0) == 0 else { return false }
        fsync(descriptor)
        return true
    }

    /// Removes an entry and all below it, in this file system only. Links are removed, not followed.
    ///
    /// Only for what this node made itself: see ``OwnTree``.
    fileprivate func removeTree(_ name: [CChar]) {
        if unlinkat(descriptor, name, 0) == 0 { return }
        let own = openat(descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard own >= 0 else { return }
        let inner = HeldDirectory(descriptor: own, path: path)
        guard inner.device == device else { return }
        for entry in inner.names { inner.removeTree(entry) }
        unlinkat(descriptor, name, AT_REMOVEDIR)
    }

    fileprivate func synchronize() { fsync(descriptor) }

    private var device: UInt64? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? UInt64(truncatingIfNeeded: status.st_dev) : nil
    }

    /// The names in it as they are, `.` and `..` left out; empty when it cannot be listed.
    private var names: [[CChar]] {
        let own = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard own >= 0 else { return [] }
        // The stream closes the descriptor.
        guard let stream = fdopendir(own) else {
            close(own)
            return []
        }
        defer { closedir(stream) }
        return NodeFiles.rawNames(of: stream)
    }
}

/// Which file something is, whatever name it has.
package struct EntryIdentity: Sendable, Hashable {
    package let device: UInt64
    package let inode: UInt64

    package init(_ status: NodeFiles.Status) {
        device = status.device
        inode = status.inode
    }
}

/// A directory whose whole content this node makes: `DATA/transfer`, `BASE/.swoop`, or content on a mounted bucket that
/// is being replaced. The only place where a tree is removed with all that is in it.
package struct OwnTree: Sendable, Hashable {
    /// As the configuration has it: it may be a link to another disk. No component below it may be one.
    package let path: String

    package init(path: String) { self.path = path }

    /// Removes a file or a tree strictly below the root. Nothing happens when the path is not below it, when there is
    /// nothing, or when a link stands in between.
    package func remove(_ target: String) {
        guard target.hasPrefix(path + "/") else { return }
        let components = target.dropFirst(path.count + 1).split(separator: "/", omittingEmptySubsequences: false)
        guard let name = components.last,
            components.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." && !$0.utf8.contains(0) }),
            var directory = try? HeldDirectory.open(configured: path)
        else { return }
        for component in components.dropLast() {
            guard let next = try? directory.directory(String(component)) else { return }
            directory = next
        }
        directory.removeTree(Array(String(name).utf8CString))
        directory.synchronize()
    }
}
