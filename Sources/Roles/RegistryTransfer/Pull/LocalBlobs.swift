import Files
import Glibc
import Hashing
import Metainfo
import Registry
import Storage
import Synchronization

/// The digests of files on this host, from a cache or by reading the files.
struct FileDigests: Sendable {
    /// The digests of files that pulls wrote.
    let pulled: DigestCache
    /// The digests of files that were pushed from this host.
    let pushed: DigestCache
    let blockBytes: Int

    /// The digest of an open file; nil if the file changed while it was read, or the read was cancelled. Blocks.
    /// - Parameter isCancelled: called before each block.
    func digest(of file: HeldFile, isCancelled: () -> Bool) throws(Files.SystemError) -> BlobDigest? {
        let stamp = DigestStamp(try file.status())
        if let known = pulled.digest(stamp) ?? pushed.digest(stamp) { return known }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: blockBytes, alignment: 4096)
        defer { buffer.deallocate() }
        var hasher = SHA256Stream()
        while true {
            if isCancelled() { return nil }
            let count = try file.read(into: buffer, at: hasher.byteCount)
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            if count < buffer.count { break }
        }
        guard DigestStamp(try file.status()) == stamp, hasher.byteCount == stamp.size else { return nil }
        return hasher.blobDigest
    }
}

/// Copies a local file: by sharing blocks (reflink) where the file system supports it, else in the kernel, else through
/// memory.
package struct FileCopy {
    private static let stepBytes = 64 << 20

    /// - Returns: false when the source changed during the copy, or the copy was cancelled. The target must not be used
    ///   then.
    package static func run(
        from source: HeldFile, to target: HeldFile, isCancelled: () -> Bool
    ) throws(Files.SystemError) -> Bool {
        let layer = SystemFileLayer()
        let before = try source.status()
        do throws(Files.SystemError) {
            try layer.clone(source.descriptor, to: target.descriptor)
            return DigestStamp(try source.status()) == DigestStamp(before)
        } catch {}
        try target.truncate(to: 0)
        try target.truncate(to: before.size)
        var place: Int64 = 0
        while place < before.size {
            guard let data = try source.nextData(from: place), data < before.size else { break }
            place = data
            let end = min(before.size, try layer.nextHole(source.descriptor, from: data) ?? before.size)
            while place < end {
                if isCancelled() { return false }
                let count = try copy(source, target, at: place, length: Int(min(Int64(stepBytes), end - place)), layer)
                guard count > 0 else { return false }
                place += Int64(count)
            }
        }
        return DigestStamp(try source.status()) == DigestStamp(before)
    }

    private static func copy(
        _ source: HeldFile, _ target: HeldFile, at offset: Int64, length: Int, _ layer: SystemFileLayer
    ) throws(Files.SystemError) -> Int {
        do throws(Files.SystemError) {
            return try layer.copy(source.descriptor, from: offset, to: target.descriptor, at: offset, length: length)
        } catch  where [EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, EPERM].contains(error.number) {
            let bytes = try layer.read(source.descriptor, count: min(length, 1 << 20), at: offset)
            try layer.write(target.descriptor, bytes, at: offset)
            return bytes.count
        }
    }
}
