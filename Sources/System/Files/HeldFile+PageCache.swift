import Glibc

extension HeldFile {
    /// What came of bringing a part of a file into the page cache.
    package enum Loading: Sendable {
        case loaded
        /// This file system has no way to do so; then `sendfile` cannot send its files either.
        case impossible
        /// The file has fewer bytes.
        case endsBefore
    }

    /// Brings a part into the page cache, so that sending it waits for no disk. Nothing is copied: the pages go to the
    /// null device by reference. Blocks on the disk.
    package func loadIntoPageCache(_ range: Range<Int64>) throws(SystemError) -> Loading {
        var position = off_t(range.lowerBound)
        while position < range.upperBound {
            let left = Int(range.upperBound - Int64(position))
            do throws(SystemError) {
                let sent = try SystemCall.retrying { sendfile(Self.nullDevice, descriptor, &position, left) }
                if sent == 0 { return .endsBefore }
            } catch {
                guard [EINVAL, ENOSYS, EBADF].contains(error.number) else { throw error }
                return .impossible
            }
        }
        return .loaded
    }

    /// Open as long as the process lives. Where it cannot be opened, nothing can be loaded and files are copied.
    private static let nullDevice = Glibc.open("/dev/null", O_WRONLY | O_CLOEXEC)
}
