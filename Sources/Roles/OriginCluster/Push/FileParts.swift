import BlobNode
import Blobs
import Files
import Hashing
import NIOCore
import Threads

/// Reads a blob on this disk in parts.
struct FileParts: Sendable {
    let file: HeldFile
    let size: Int64

    private static let partBytes = 512 << 10

    /// Nil for a blob that is not on this disk.
    init?(_ digest: SHA256Digest, in directory: BlobDirectory) async {
        let opened = await Threads.offload { () -> (HeldFile, Int64)? in
            guard let file = try? directory.open(digest), let size = try? file.status().size else { return nil }
            file.willBeReadInOrder()
            return (file, size)
        }
        guard let opened else { return nil }
        (file, size) = opened
    }

    /// Sends the whole blob, as fast as the receiver takes it.
    /// - Returns: false if the channel was closed, or the blob cannot be read.
    func send(to channel: ByteChannel) async -> Bool {
        var position: Int64 = 0
        while position < size {
            let (file, offset, count) = (file, position, Int(min(Int64(Self.partBytes), size - position)))
            let part = await Threads.offload { () -> ByteBuffer? in
                var buffer = ByteBufferAllocator().buffer(capacity: count)
                let got = try? buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { room in
                    try file.read(into: UnsafeMutableRawBufferPointer(rebasing: room[..<count]), at: offset)
                }
                return got == count ? buffer : nil
            }
            guard let part, await channel.send(part) else { return false }
            position += Int64(count)
        }
        return true
    }
}
