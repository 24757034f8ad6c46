import Glibc
import NIOCore
import NIOPosix

/// An open file under the served directory. Its descriptor is closed with the last reference.
final class ServedFile: Sendable {
    let size: Int64
    /// Nanoseconds since 1970.
    let modified: Int64
    /// Changes when the content does: made of size, time and inode.
    let tag: String
    private let descriptor: Int32

    /// Follows no symbolic link below `root`: a link may lead out of the tree or to unfinished content.
    /// - Returns: nil if there is no such regular file.
    init?(root: String, path: ServedPath) {
        var directory = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { return nil }
        for component in path.components.dropLast() {
            let next = openat(directory, component.terminated, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            close(directory)
            guard next >= 0 else { return nil }
            directory = next
        }
        guard let name = path.components.last else {
            close(directory)
            return nil
        }
        // Without O_NONBLOCK, opening a pipe would block.
        let file = openat(directory, name.terminated, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        close(directory)
        guard file >= 0 else { return nil }
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            close(file)
            return nil
        }
        descriptor = file
        size = Int64(facts.st_size)
        modified =
            Int64(facts.st_mtim.tv_sec).multipliedReportingOverflow(by: 1_000_000_000).partialValue
            &+ Int64(facts.st_mtim.tv_nsec)
        tag =
            "\"\(String(facts.st_ino, radix: 36))-\(String(facts.st_size, radix: 36))-\(String(modified, radix: 36))\""
        posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL)
    }

    deinit { close(descriptor) }

    /// Reads `count` bytes at `offset`, outside the event loops.
    func read(at offset: Int64, count: Int) async throws -> ByteBuffer {
        try await NIOThreadPool.singleton.runIfActive {
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            while buffer.readableBytes < count {
                let position = off_t(offset) + off_t(buffer.readableBytes)
                let left = count - buffer.readableBytes
                let got = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: left) { room in
                    let got = pread(self.descriptor, room.baseAddress, left, position)
                    if got < 0, errno != EINTR { throw IOError(errnoCode: errno, reason: "pread") }
                    return max(0, got)
                }
                // The file was truncated: the response cannot be completed, so the connection is closed.
                if got == 0 { throw IOError(errnoCode: EIO, reason: "the file became shorter") }
            }
            return buffer
        }
    }
}

extension [UInt8] {
    /// As a C string.
    fileprivate var terminated: [CChar] { map(CChar.init(bitPattern:)) + [0] }
}
