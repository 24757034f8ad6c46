import Glibc

/// A small regular file, read as a whole.
package struct SmallFile: Sendable {
    package let bytes: [UInt8]
    /// What the file was when it was opened.
    package let status: FileStatus
}

extension FileLayer {
    /// Reads a regular file of at most `limit` bytes. Waits for no FIFO.
    /// - Throws: `ELOOP` for a symlink unless it is to be followed, `EINVAL` for what is no regular file, `EFBIG` for a
    ///   file that is too large or becomes so while it is read.
    package func readSmallFile(
        _ name: FileName, in directory: Descriptor, limit: Int, followSymlink: Bool = false
    ) throws(SystemError) -> SmallFile {
        let descriptor = try open(name, in: directory, followSymlink ? .followSymlink : [])
        defer { close(descriptor) }
        return try readSmallFile(descriptor, limit: limit)
    }

    /// The same of an open file.
    package func readSmallFile(_ descriptor: Descriptor, limit: Int) throws(SystemError) -> SmallFile {
        let status = try self.status(descriptor)
        guard status.kind == .file else { throw SystemError(EINVAL) }
        guard status.size <= Int64(limit) else { throw SystemError(EFBIG) }
        // One byte more than it has tells whether it grew meanwhile. Files of /proc say that they are empty.
        let most = limit == .max ? limit : limit + 1
        var wanted = min(most, max(Int(status.size) + 1, 4096))
        var bytes = try read(descriptor, count: wanted, at: 0)
        while bytes.count == wanted, wanted < most {
            let more = try read(descriptor, count: min(64 << 10, most - wanted), at: Int64(wanted))
            if more.isEmpty { break }
            bytes += more
            wanted = bytes.count
        }
        guard bytes.count <= limit else { throw SystemError(EFBIG) }
        return SmallFile(bytes: bytes, status: status)
    }
}

extension SystemFileLayer {
    /// Reads a small regular file by its path.
    package func readSmallFile(
        _ path: SystemPath, limit: Int, followSymlink: Bool = false
    ) throws(SystemError) -> SmallFile {
        let descriptor = try open(path, followSymlink ? .followSymlink : [])
        defer { close(descriptor) }
        return try readSmallFile(descriptor, limit: limit)
    }

    /// Reads what a pipe or a device gives until it ends, at most `limit` bytes. Waits as long as somebody has the other
    /// end open: only for what a person names. A FIFO that nobody writes to is empty.
    /// - Throws: `EFBIG` when there is more.
    package func readStream(_ descriptor: Descriptor, limit: Int) throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count: Int
            do throws(SystemError) {
                count = try SystemCall.retrying {
                    block.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
                }
            } catch {
                guard error.number == EAGAIN else { throw error }
                var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                try SystemCall.retrying { poll(&wanted, 1, -1) }
                continue
            }
            guard count > 0 else { return bytes }
            bytes += block[..<count]
            guard bytes.count <= limit else { throw SystemError(EFBIG) }
        }
    }
}
