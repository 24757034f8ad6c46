import Glibc

/// A directory that is held open: whatever happens to the names above it, what is done here is done in it.
///
/// Every entry is named by one component, and none is followed if it is a link, unless the call says so.
package final class HeldDirectory: Sendable {
    package let layer: any FileLayer
    /// Not to be closed by others, nor used after this object is gone.
    package let descriptor: Descriptor
    /// It may be passed through and not listed: there is no way to sync it.
    private let isPassage: Bool

    private init(_ descriptor: Descriptor, _ layer: any FileLayer, isPassage: Bool = false) {
        self.descriptor = descriptor
        self.layer = layer
        self.isPassage = isPassage
    }

    deinit { layer.close(descriptor) }

    // MARK: Opening

    /// Opens a directory by any path; links are followed. For paths from the user and the configuration.
    /// - Parameter creating: makes what is missing of the path, durably.
    package static func open(
        _ path: SystemPath, creating: Bool = false, layer: any FileLayer = SystemFileLayer()
    ) throws(SystemError) -> HeldDirectory {
        do throws(SystemError) {
            return HeldDirectory(try layer.openDirectory(path: path), layer)
        } catch {
            switch error.number {
            case ENOENT where creating:
                try layer.makeDirectories(path: path)
                return HeldDirectory(try layer.openDirectory(path: path), layer)
            case EACCES:
                guard let system = layer as? SystemFileLayer else { throw error }
                return HeldDirectory(try system.openPassage(path), layer, isPassage: true)
            default: throw error
            }
        }
    }

    /// Opens a directory without following a link in any component of its path.
    /// - Parameter path: absolute, without `.`, `..` and links: a canonical path.
    package static func open(withoutLinks path: SystemPath) throws(SystemError) -> HeldDirectory {
        var directory = try open(SystemPath("/"))
        for component in path.bytes.split(separator: UInt8(ascii: "/")) {
            guard let name = FileName(component) else { throw SystemError(EINVAL) }
            directory = try directory.directory(name)
        }
        return directory
    }

    /// The directory that a path's last component is in, held open, and that component.
    package static func holding(
        _ path: SystemPath, layer: any FileLayer = SystemFileLayer()
    ) throws(SystemError) -> (directory: HeldDirectory, name: FileName) {
        let (above, name) = try path.split()
        return (try open(above, layer: layer), name)
    }

    /// Another hold on a directory that is open.
    package static func reopen(
        _ descriptor: Descriptor, layer: any FileLayer = SystemFileLayer()
    ) throws(SystemError) -> HeldDirectory {
        HeldDirectory(try layer.openDirectory(.itself, in: descriptor, followSymlink: false), layer)
    }

    /// A directory in this one; a link to a directory is none.
    package func directory(_ name: FileName) throws(SystemError) -> HeldDirectory {
        do throws(SystemError) {
            return HeldDirectory(try layer.openDirectory(name, in: descriptor, followSymlink: false), layer)
        } catch {
            guard error.number == EACCES, let system = layer as? SystemFileLayer else { throw error }
            return HeldDirectory(try system.openPassage(name, in: descriptor), layer, isPassage: true)
        }
    }

    // MARK: Entries

    /// Makes a directory here. Call `synchronize` when all are made.
    /// - Throws: `EEXIST` when there is something of that name.
    package func makeDirectory(_ name: FileName) throws(SystemError) {
        try layer.makeDirectory(name, in: descriptor)
    }

    package func open(_ name: FileName, _ options: OpenOptions = []) throws(SystemError) -> HeldFile {
        HeldFile(try layer.open(name, in: descriptor, options), layer: layer)
    }

    /// Nil when there is no such entry.
    package func status(_ name: FileName, followSymlink: Bool = false) throws(SystemError) -> FileStatus? {
        try layer.status(name, in: descriptor, followSymlink: followSymlink)
    }

    /// All entries but `.` and `..`.
    package func names() throws(SystemError) -> [FileName] { try layer.list(descriptor) }

    /// Reads a regular file of at most `limit` bytes.
    package func read(_ name: FileName, limit: Int, followSymlink: Bool = false) throws(SystemError) -> SmallFile {
        try layer.readSmallFile(name, in: descriptor, limit: limit, followSymlink: followSymlink)
    }

    /// Begins a file that replaces what has the name.
    package func replacement(
        _ name: FileName, temporary: AtomicFile.Temporary, _ options: OpenOptions = .writeOnly
    ) throws(SystemError) -> AtomicFile {
        try AtomicFile(name, in: descriptor, temporary: temporary, options, holder: self, layer: layer)
    }

    /// Replaces a file by `bytes` in one step, durably.
    package func replace(
        _ name: FileName, with bytes: [UInt8], temporary: AtomicFile.Temporary, _ options: OpenOptions = .writeOnly,
        isDurable: Bool = true
    ) throws(SystemError) {
        var file = try replacement(name, temporary: temporary, options)
        try file.write(bytes)
        try file.commit(isDurable: isDurable)
    }

    /// Removes an entry that is a regular file, durably. A directory, a link or a FIFO stays, and so does another file
    /// than the one that is meant.
    /// - Parameter identity: of the file that is meant; nil for any.
    /// - Returns: whether it is gone.
    @discardableResult
    package func removeFile(_ name: FileName, if identity: EntryIdentity? = nil) throws(SystemError) -> Bool {
        guard let status = try status(name), status.kind == .file,
            identity == nil || identity == EntryIdentity(status)
        else { return false }
        try layer.remove(name, in: descriptor, isDirectory: false)
        try synchronize()
        return true
    }

    /// Removes an entry and all below it, durably. Only for what the program made itself.
    /// - Throws: the first thing that could not be removed. Everything else is gone.
    package func removeTree(_ name: FileName) throws(SystemError) {
        do throws(SystemError) {
            try TreeRemoval(layer: layer).remove(name, in: descriptor)
        } catch {
            try? synchronize()
            throw error
        }
        try synchronize()
    }

    /// Makes durable what was made, renamed or removed here.
    package func synchronize() throws(SystemError) {
        if !isPassage { try layer.synchronizeEntries(of: descriptor) }
    }
}
