import Files
import Glibc

/// A lock on a directory of data, for as long as the process lives or the descriptor is open: one daemon at a time works on it.
enum DataLock {
    /// - Parameters:
    ///   - program: what holds it, for the message.
    ///   - option: names the directory.
    ///   - file: of the lock. Programs of different kinds may share a directory.
    /// - Returns: a descriptor. Blocks on the disk.
    static func take(
        _ data: String, for program: String, option: String = "--data", file: String = "lock"
    ) throws -> Int32 {
        let path = "\(data)/\(file)"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw Failure(Failure.status(errno), "\(path.shown) cannot be made: \(SystemError(errno))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw Failure(
                .usage, "another \(program) works on \(data.shown)",
                advice: "End it, or give this one a directory of its own with \(option).")
        }
        return descriptor
    }
}
