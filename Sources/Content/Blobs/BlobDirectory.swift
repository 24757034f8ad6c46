import Files
import Hashing
import Metainfo
import Synchronization

/// The blobs of one host, as files. Thread-safe.
package final class BlobDirectory: Sendable {
    package let path: String
    package let layer: any FileLayer
    /// Of the pieces of torrents that are made here.
    package let pieceLengths: BlobPieceLengths
    private let blobs: HeldDirectory
    private let infos: HeldDirectory
    private let uploads: HeldDirectory
    /// The second of two directories that a blob is in, held open, by the first two bytes of its digest: most blobs of a
    /// push go to directories that were used a moment ago.
    private let held = Mutex<[UInt16: HeldDirectory]>([:])
    private static let mostHeld = 256
    private let durable = Mutex(DurableDirectories())
    /// By a digest's first byte: nothing is published through one while something is removed.
    private let doors = (0..<256).map { _ in Door() }

    /// Info dictionaries have 52 bytes a piece: 200 GB in pieces of 4 MiB are 2.5 MB.
    private static let mostInfoBytes = 64 << 20

    /// Makes what is missing of the directory.
    package init(
        path: String, pieceLengths: BlobPieceLengths = .standard, layer: any FileLayer = SystemFileLayer()
    ) throws(SystemError) {
        self.path = path
        self.layer = layer
        self.pieceLengths = pieceLengths
        func open(_ name: String) throws(SystemError) -> HeldDirectory {
            try HeldDirectory.open(SystemPath("\(path)/\(name)"), creating: true, layer: layer)
        }
        blobs = try open("blobs")
        infos = try open("info")
        uploads = try open("uploads")
    }

    // MARK: Reading

    /// The path of a blob's file, whether it exists or not.
    package func path(of digest: SHA256Digest) -> String {
        let hex = digest.hex
        return "\(path)/blobs/\(hex.prefix(2))/\(hex.dropFirst(2).prefix(2))/\(hex)"
    }

    /// The path of the file with the info dictionary of a blob's torrent, whether it exists or not.
    package func infoPath(of digest: SHA256Digest) -> String {
        let hex = digest.hex
        return "\(path)/info/\(hex.prefix(2))/\(hex.dropFirst(2).prefix(2))/\(hex)"
    }

    /// Bytes; nil when the blob is not here.
    package func size(of digest: SHA256Digest) throws(SystemError) -> Int64? {
        try status(of: digest)?.size
    }

    /// The blob's file, for reading; nil when it is not here.
    package func open(_ digest: SHA256Digest) throws(SystemError) -> HeldFile? {
        guard let (directory, name) = try place(of: digest, in: blobs, creating: false) else { return nil }
        return try missingIsNil { () throws(SystemError) in try directory.open(name) }
    }

    /// The blob's file, for putting wrong bytes of it right; nil when it is not here.
    package func openForMending(_ digest: SHA256Digest) throws(SystemError) -> HeldFile? {
        guard let (directory, name) = try place(of: digest, in: blobs, creating: false) else { return nil }
        return try missingIsNil { () throws(SystemError) in try directory.open(name, .write) }
    }

    /// Cuts off what is behind the end of a blob.
    package func truncate(_ digest: SHA256Digest, to size: Int64) throws(SystemError) {
        try openForMending(digest)?.truncate(to: size)
    }

    /// The bencoded info dictionary of the blob's torrent; nil when there is none.
    package func info(of digest: SHA256Digest) throws(SystemError) -> [UInt8]? {
        guard let (directory, name) = try place(of: digest, in: infos, creating: false) else { return nil }
        return try missingIsNil { () throws(SystemError) in try directory.read(name, limit: Self.mostInfoBytes).bytes }
    }

    /// Calls `body` with each blob that is here, in the order of their digests.
    package func forEach(_ body: (SHA256Digest, FileStatus) throws -> Void) throws {
        for first in try blobs.names().sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
            guard let outer = try missingIsNil({ () throws(SystemError) in try blobs.directory(first) }) else {
                continue
            }
            for second in try outer.names().sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
                guard let inner = try missingIsNil({ () throws(SystemError) in try outer.directory(second) }) else {
                    continue
                }
                for name in try inner.names().sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
                    guard let digest = SHA256Digest(hex: name.text), let status = try inner.status(name),
                        status.kind == .file
                    else { continue }
                    try body(digest, status)
                }
            }
        }
    }

    /// The parts that blobs are in here, for ``forEachDigest(in:_:)``.
    package func parts() throws(SystemError) -> [FileName] { try blobs.names() }

    /// Calls `body` with the digests of the files in a part, some at a time, by their names alone.
    package func forEachDigest(
        in part: FileName, _ body: ([SHA256Digest]) throws(SystemError) -> Void
    ) throws(SystemError) {
        guard let outer = try missingIsNil({ () throws(SystemError) in try blobs.directory(part) }) else { return }
        for name in try outer.names() {
            guard let inner = try missingIsNil({ () throws(SystemError) in try outer.directory(name) }) else {
                continue
            }
            try body(try inner.names().compactMap { SHA256Digest(hex: $0.text) })
        }
    }

    /// Of a blob's file; nil when it is not here.
    package func status(of digest: SHA256Digest) throws(SystemError) -> FileStatus? {
        guard let (directory, name) = try place(of: digest, in: blobs, creating: false),
            let status = try directory.status(name), status.kind == .file
        else { return nil }
        return status
    }

    /// Bytes that can still be written to this file system.
    package func freeSpace() throws(SystemError) -> Int64 { try layer.freeSpace(blobs.descriptor) }

    // MARK: Changing

    /// Gives a file that is whole and durable its blob's name, durably.
    /// - Parameters:
    ///   - name: of the file in `directory`, on the same file system.
    ///   - info: the info dictionary of its torrent; it is stored first, so that no blob is without one.
    package func publish(
        _ name: FileName, in directory: HeldDirectory, as digest: SHA256Digest, info: [UInt8]?
    ) throws(SystemError) {
        try door(of: digest).lock.withLock { _ throws(SystemError) in
            if let info { try store(info: info, of: digest) }
            guard let (target, newName) = try place(of: digest, in: blobs, creating: true) else {
                throw SystemError.missing
            }
            try layer.rename(name, in: directory.descriptor, to: newName, in: target.descriptor, .replace)
            try target.synchronize()
        }
    }

    /// Stores the info dictionary of a blob's torrent, durably.
    package func store(info: [UInt8], of digest: SHA256Digest) throws(SystemError) {
        guard let (directory, name) = try place(of: digest, in: infos, creating: true) else {
            throw SystemError.missing
        }
        try directory.replace(name, with: info, temporary: .random(prefix: ".new-"))
    }

    /// Removes a blob, durably. Who reads it at this moment reads it to its end.
    /// - Parameter condition: asked when nothing can be published as this blob any more before it is gone; false leaves it.
    /// - Returns: whether it was here and is gone.
    @discardableResult
    package func remove(_ digest: SHA256Digest, if condition: () -> Bool = { true }) throws(SystemError) -> Bool {
        try door(of: digest).lock.withLock { _ throws(SystemError) in
            guard condition() else { return false }
            var isGone = false
            if let (directory, name) = try place(of: digest, in: blobs, creating: false) {
                isGone = try directory.removeFile(name)
            }
            if let (directory, name) = try place(of: digest, in: infos, creating: false) {
                try directory.removeFile(name)
            }
            return isGone
        }
    }

    private final class Door: Sendable { let lock = Mutex(()) }

    private func door(of digest: SHA256Digest) -> Door { doors[digest.withUnsafeBytes { Int($0[0]) }] }

    // MARK: Uploads

    /// The directory of an upload.
    func uploadDirectory(_ name: FileName, creating: Bool) throws(SystemError) -> HeldDirectory? {
        if creating {
            try uploads.makeDirectory(name)
            try uploads.synchronize()
        }
        return try missingIsNil { () throws(SystemError) in try uploads.directory(name) }
    }

    func removeUpload(_ name: FileName) throws(SystemError) { try uploads.removeTree(name) }
    func uploadNames() throws(SystemError) -> [FileName] { try uploads.names() }
    func uploadStatus(_ name: FileName) throws(SystemError) -> FileStatus? { try uploads.status(name) }

    // MARK: Places

    private func place(
        of digest: SHA256Digest, in root: HeldDirectory, creating: Bool
    ) throws(SystemError) -> (HeldDirectory, FileName)? {
        let hex = Array(digest.hex.utf8)
        let name = FileName(checked: hex[...])
        let key = digest.withUnsafeBytes { UInt16($0[0]) << 8 | UInt16($0[1]) }
        let isBlobs = root === blobs
        if isBlobs, let directory = held.withLock({ $0[key] }) { return (directory, name) }
        let outerName = FileName(checked: hex[0..<2])
        let innerName = FileName(checked: hex[2..<4])
        if creating {
            let inner = try durable.withLock { known throws(SystemError) in
                try known.directory(outerName, innerName, key: key, in: root, isBlobs: isBlobs)
            }
            if isBlobs { hold(inner, key) }
            return (inner, name)
        }
        guard let outer = try missingIsNil({ () throws(SystemError) in try root.directory(outerName) }),
            let inner = try missingIsNil({ () throws(SystemError) in try outer.directory(innerName) })
        else { return nil }
        return (inner, name)
    }

    private func hold(_ directory: HeldDirectory, _ key: UInt16) {
        held.withLock { held in
            if held.count >= Self.mostHeld { held.removeAll() }
            held[key] = directory
        }
    }
}

/// Which directories this process has made durable. One that is found may be another thread's whose sync is still to come, or of
/// a process that died before it: what is put into it then could vanish with it.
private struct DurableDirectories {
    private struct Key: Hashable {
        let isBlobs: Bool
        let prefix: UInt16
    }

    private var outer: Set<Key> = []
    private var inner: Set<Key> = []

    /// The directory for a digest, made if it is missing, with those above it durable.
    mutating func directory(
        _ outerName: FileName, _ innerName: FileName, key: UInt16, in root: HeldDirectory, isBlobs: Bool
    ) throws(SystemError) -> HeldDirectory {
        let (outerKey, innerKey) = (Key(isBlobs: isBlobs, prefix: key >> 8), Key(isBlobs: isBlobs, prefix: key))
        let above = try Self.make(outerName, in: root)
        if !outer.contains(outerKey) {
            try root.synchronize()
            outer.insert(outerKey)
        }
        let directory = try Self.make(innerName, in: above)
        if !inner.contains(innerKey) {
            try above.synchronize()
            inner.insert(innerKey)
        }
        return directory
    }

    private static func make(_ name: FileName, in parent: HeldDirectory) throws(SystemError) -> HeldDirectory {
        if let found = try missingIsNil({ () throws(SystemError) in try parent.directory(name) }) { return found }
        do throws(SystemError) {
            try parent.makeDirectory(name)
        } catch {
            // Another process may have made it.
            guard error.isExisting else { throw error }
        }
        return try parent.directory(name)
    }
}

/// Nil instead of "no such file or directory".
func missingIsNil<Value>(_ body: () throws(SystemError) -> Value) throws(SystemError) -> Value? {
    do throws(SystemError) {
        return try body()
    } catch {
        guard error.isMissing else { throw error }
        return nil
    }
}
