import Glibc
import Hashing

/// Hashes one whole file and makes it durable. Blocks.
package enum FileCheck {
    /// Whether it is there and has this content. What is right is durable when this returns.
    package static func isRight(_ path: String, _ file: JobFile) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, Int64(status.st_size) == file.size
        else {
            return false
        }
        guard let expected = file.digest else { return fdatasync(descriptor) == 0 }
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
        var digest = SHA1Streams(laneCount: 1)
        var block = [UInt8](repeating: 0, count: 512 << 10)
        while true {
            let count = block.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { break }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            block[..<count].withUnsafeBytes { digest.update([$0]) }
        }
        guard digest.finish(0) == expected else { return false }
        return fdatasync(descriptor) == 0
    }
}
