import Glibc
import NIOCore
import NIOPosix

/// An open file under the served directory. Its descriptor is closed when nobody has this any more.
final class ServedFile: Sendable {
    let size: Int64
    /// Nanoseconds since 1970.
    let modified: Int64
    /// Changes when the content does: size, time and number of the file.
    let tag: String
    private let descriptor: Int32

    /// Follows no symbolic link, anywhere below `root`: a link may point out of the tree or to what is unfinished.
    /// - Returns: nil when there is no such file that may be served; directories, pipes and devices may not.
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
        // Without O_NONBLOCK a pipe would be waited for.
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

    /// Reads `count` bytes from `offset`, off the event loops.
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
                // The file became shorter: the answer cannot be finished, and breaking it off is how the client learns.
                if got == 0 { throw IOError(errnoCode: EIO, reason: "the file became shorter") }
            }
            return buffer
        }
    }
}

extension [UInt8] {
    /// As the C library wants names.
    fileprivate var terminated: [CChar] { map(CChar.init(bitPattern:)) + [0] }
}
