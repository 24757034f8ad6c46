import CLinux
import Glibc
import NIOCore
import NIOPosix

/// An open file under a served directory. Its descriptor is closed when nobody has this any more.
package final class ServedFile: Sendable {
    package let size: Int64
    /// Nanoseconds since 1970.
    package let modified: Int64
    /// Changes when the content does: size, time and number of the file.
    package let tag: String
    /// Whether its bytes are on this machine or in its page cache, so that the system may send them by itself. On a mounted
    /// bucket they may come over a network each time.
    let isLocal: Bool
    private let descriptor: Int32
    /// The same descriptor, for sending. Closed as ``descriptor``.
    private let handle: NIOFileHandle

    /// Follows no symbolic link, anywhere below `root`: a link may point out of the tree or to what is unfinished.
    /// - Parameter components: of the path below `root`; none is empty, `.` or `..`, or has a slash or NUL in it.
    /// - Returns: nil when there is no such file that may be served; directories, pipes and devices may not.
    package init?(root: String, components: [[UInt8]]) {
        var directory = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { return nil }
        for component in components.dropLast() {
            let next = openat(directory, component.terminated, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            close(directory)
            guard next >= 0 else { return nil }
            directory = next
        }
        guard let name = components.last else {
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
        handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: file)
        isLocal = swoop_is_on_shared_file_system(file) == 0
        size = Int64(facts.st_size)
        modified =
            Int64(facts.st_mtim.tv_sec).multipliedReportingOverflow(by: 1_000_000_000).partialValue
            &+ Int64(facts.st_mtim.tv_nsec)
        tag =
            "\"\(String(facts.st_ino, radix: 36))-\(String(facts.st_size, radix: 36))-\(String(modified, radix: 36))\""
        posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL)
    }

    deinit {
        // The handle only borrows it. Nothing is being sent any more: whoever sends holds this file.
        _ = try? handle.takeDescriptorOwnership()
        close(descriptor)
    }

    /// How many bytes it has now; nil if that cannot be told.
    var sizeNow: Int64? {
        var facts = stat()
        return fstat(descriptor, &facts) == 0 ? Int64(facts.st_size) : nil
    }

    /// A part of it, for sending with sendfile.
    func region(_ range: Range<Int64>) -> FileRegion {
        FileRegion(fileHandle: handle, readerIndex: Int(range.lowerBound), endIndex: Int(range.upperBound))
    }

    /// Reads `count` bytes from `offset`, off the event loops.
    package func read(at offset: Int64, count: Int) async throws -> ByteBuffer {
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
                if got == 0 { throw Self.becameShorter }
            }
            return buffer
        }
    }

    /// Brings a part into the page cache, off the event loops, so that sending it makes no event loop wait for a disk.
    /// Nothing is copied: the pages go to the null device by reference.
    /// - Returns: false when this file system has no way to do so; then it has none to send them either.
    func load(_ range: Range<Int64>) async throws -> Bool {
        try await NIOThreadPool.singleton.runIfActive {
            var position = off_t(range.lowerBound)
            while position < range.upperBound {
                let got = sendfile(Self.nullDevice, self.descriptor, &position, Int(range.upperBound - Int64(position)))
                if got < 0, [EINVAL, ENOSYS, EBADF].contains(errno) { return false }
                if got < 0, errno != EINTR { throw IOError(errnoCode: errno, reason: "sendfile") }
                if got == 0 { throw Self.becameShorter }
            }
            return true
        }
    }

    private static var becameShorter: IOError { IOError(errnoCode: EIO, reason: "the file became shorter") }

    /// Open as long as the process lives. Where it cannot be opened, nothing can be loaded and files are copied.
    private static let nullDevice = open("/dev/null", O_WRONLY | O_CLOEXEC)
}

extension [UInt8] {
    /// As the C library wants names.
    fileprivate var terminated: [CChar] { map(CChar.init(bitPattern:)) + [0] }
}
