import Files
import Glibc

/// Why the node could not do something with a path.
package struct FileFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let operation: String
    package let path: String
    package let number: Int32

    package init(operation: String, path: String, number: Int32) {
        self.operation = operation
        self.path = path
        self.number = number
    }

    package init(_ operation: String, _ path: String, _ error: SystemError) {
        self.init(operation: operation, path: path, number: error.number)
    }

    package var description: String { "cannot \(operation) \(path): \(SystemError(number))" }
}

/// Whether a change that was made, and that everyone sees, survives the loss of power.
package enum Durability: Sendable, Equatable {
    case durable
    /// Nobody knows: the system could not say that it has written it.
    case uncertain(FileFailure)

    /// For those to whom a change that may be lost is a failure.
    package func confirm() throws(FileFailure) {
        if case .uncertain(let failure) = self { throw failure }
    }
}

/// The few file operations of the daemon itself, by path, all of which block only as long as a local disk does. Content
/// is never read through these. The rules for links, syncing and bounds are those of `Files`.
package enum PathFiles {
    package typealias Status = FileStatus

    package static let files = SystemFileLayer()

    /// Of the path itself, not of what a link points to. Nil when there is nothing.
    package static func status(_ path: String, follow: Bool = false) -> Status? {
        try? files.status(path: SystemPath(path), followSymlink: follow)
    }

    /// Of the path itself, where there must be something.
    package static func look(at path: String) throws(FileFailure) -> Status {
        do throws(SystemError) { return try files.status(path: SystemPath(path)) } catch {
            throw FileFailure("look at", path, error)
        }
    }

    /// Permission bits; nil when there is nothing, or no regular file.
    package static func mode(_ path: String) -> UInt32? {
        status(path).flatMap { $0.kind == .file ? $0.permissions : nil }
    }

    package static func exists(_ path: String) -> Bool { status(path, follow: true) != nil }

    /// Makes a directory and those above it.
    package static func makeDirectory(_ path: String) throws(FileFailure) {
        do throws(SystemError) {
            return try files.makeDirectory(path: SystemPath(path))
        } catch {
            if status(path, follow: true)?.kind == .directory { return }
            guard error.number == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
                throw FileFailure("make the directory", path, error)
            }
            try makeDirectory(String(path[..<slash]))
        }
        do throws(SystemError) {
            try files.makeDirectory(path: SystemPath(path))
        } catch {
            guard error.number == EEXIST else { throw FileFailure("make the directory", path, error) }
        }
    }

    /// Reads a regular file of at most `limit` bytes. A FIFO, a link, a device and a directory are refused, and none of
    /// them is waited for.
    package static func read(_ path: String, limit: Int) throws(FileFailure) -> [UInt8] {
        do throws(SystemError) { return try files.readSmallFile(SystemPath(path), limit: limit).bytes } catch {
            throw FileFailure("read", path, error)
        }
    }

    /// Hidden names that nobody has yet, short whatever the file's own name is.
    package static var temporary: AtomicFile.Temporary { .random(prefix: ".", suffix: ".new") }

    /// How a file is created for permissions of which those of others count.
    package static func options(_ mode: mode_t) -> OpenOptions {
        mode & 0o007 == 0 ? [.writeOnly, .hiddenFromOthers] : .writeOnly
    }

    /// Replaces a file in one step: whatever happens, either the old or the new one is there, whole and durable.
    package static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o644) throws(FileFailure) {
        do throws(SystemError) {
            let (directory, name) = try HeldDirectory.holding(SystemPath(path))
            try directory.replace(name, with: bytes, temporary: temporary, options(mode))
        } catch {
            throw FileFailure("write", path, error)
        }
    }

    /// Moves in one step, replacing a file that is there, and makes the move durable.
    /// - Returns: whether it is durable. Only ``Durability/confirm()`` makes an error of that.
    /// - Throws: when nothing was moved.
    package static func move(
        _ path: String, to target: String, layer: any FileLayer = files
    ) throws(FileFailure) -> Durability {
        let (from, to): (HeldDirectory, HeldDirectory)
        do throws(SystemError) {
            let (name, newName): (FileName, FileName)
            (from, name) = try HeldDirectory.holding(SystemPath(path), layer: layer)
            (to, newName) = try HeldDirectory.holding(SystemPath(target), layer: layer)
            try layer.rename(name, in: from.descriptor, to: newName, in: to.descriptor, .replace)
        } catch {
            throw FileFailure("move", path, error)
        }
        do throws(SystemError) {
            try to.synchronize()
            try from.synchronize()
            return .durable
        } catch {
            return .uncertain(FileFailure("make durable the move of", path, error))
        }
    }

    /// Lets two things change places in one step.
    package static func exchange(_ path: String, with other: String) throws(FileFailure) {
        do throws(SystemError) {
            try files.exchange(SystemPath(path), with: SystemPath(other))
            try synchronizeDirectory(of: other)
            try synchronizeDirectory(of: path)
        } catch {
            throw FileFailure("exchange", path, error)
        }
    }

    private static func synchronizeDirectory(of path: String) throws(SystemError) {
        try HeldDirectory.holding(SystemPath(path)).directory.synchronize()
    }

    /// Removes a regular file by a path that the node made. A directory, a link or a pipe of that name stays: no tree is
    /// ever removed by its path (see ``OwnTree``).
    /// - Parameter onlyIfEmpty: a file with bytes in it stays too.
    package static func removeFile(_ path: String, onlyIfEmpty: Bool = false) {
        guard let (directory, name) = try? HeldDirectory.holding(SystemPath(path)) else { return }
        if onlyIfEmpty, (try? directory.status(name))?.size != 0 { return }
        _ = try? directory.removeFile(name)
    }

    /// The names in a directory that are UTF-8, sorted; empty when it cannot be listed.
    package static func names(in directory: String) -> [String] {
        let names = (try? files.names(in: SystemPath(directory), followSymlink: true)) ?? []
        return names.compactMap { String(validating: $0, as: UTF8.self) }.sorted()
    }

    /// The path without links, `.` and `..`; nil when it leads nowhere.
    package static func resolved(_ path: String) -> String? {
        (try? files.canonicalPath(SystemPath(path))).flatMap { String(validating: $0.bytes, as: UTF8.self) }
    }

    /// A path whose directory is written without links; the last name may be one. As it is where there is no directory.
    package static func resolvedParent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex,
            let parent = resolved(String(path[..<slash]))
        else { return path }
        return (parent == "/" ? "" : parent) + path[slash...]
    }

    /// Whether two paths, or the nearest directories above them that exist, lie in one file system.
    package static func areOnOneDevice(_ one: String, _ other: String) -> Bool { device(of: one) == device(of: other) }

    /// The file system of a path, or of the nearest directory above it that exists.
    package static func device(of path: String) -> UInt64? {
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
