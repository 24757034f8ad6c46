import Glibc
import HTTPTransport
import NIOCore
import S3

/// A file of ours, open for positional reads or writes; closed when the last reference goes.
final class LocalFile: Sendable {
    /// What tells that a file was written to meanwhile.
    struct Stamp: Sendable, Hashable {
        let size: Int64
        let seconds: Int
        let nanoseconds: Int
        let inode: UInt64
    }

    let path: String
    private let descriptor: Int32

    private init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Opens a regular file for reading.
    static func reading(_ path: String) throws(ObjectStoreError) -> LocalFile {
        // Not blocking: a FIFO in the file's place must not hold us up before it is seen for what it is.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure("read", path) }
        let file = LocalFile(path: path, descriptor: descriptor)
        _ = try file.stamp()
        return file
    }

    /// Opens a file for reading and writing, making it where it is not there.
    static func writing(_ path: String) throws(ObjectStoreError) -> LocalFile {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else { throw failure("write", path) }
        let file = LocalFile(path: path, descriptor: descriptor)
        _ = try file.stamp()
        return file
    }

    func stamp() throws(ObjectStoreError) -> Stamp {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw LocalFile.failure("read", path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ObjectStoreError(.file, "\(ShownName.escaped(path)) is not a regular file")
        }
        return Stamp(
            size: Int64(status.st_size), seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec,
            inode: UInt64(status.st_ino))
    }

    /// Bytes from `offset` on, at most `count`; fewer at the end of the file.
    func read(_ count: Int, at offset: Int64) throws(ObjectStoreError) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        var failed = false
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
            var done = 0
            while done < count {
                // Inside the memory that the buffer lends for this call.
                let got = pread(descriptor, memory.baseAddress.map { $0 + done }, count - done, Int(offset) + done)
                if got < 0 && errno == EINTR { continue }
                if got < 0 { failed = true }
                if got <= 0 { break }
                done += got
            }
            return done
        }
        guard !failed else { throw LocalFile.failure("read", path) }
        return buffer
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(ObjectStoreError) {
        var done = 0
        while done < bytes.count {
            let put = pwrite(
                descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, Int(offset) + done)
            if put < 0 && errno == EINTR { continue }
            guard put > 0 else { throw LocalFile.failure("write", path) }
            done += put
        }
    }

    func truncate(to size: Int64) throws(ObjectStoreError) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw LocalFile.failure("write", path) }
    }

    func sync() throws(ObjectStoreError) {
        guard fdatasync(descriptor) == 0 else { throw LocalFile.failure("write", path) }
    }

    /// Digests of a stretch, read once. To be run as `BlockingWork`.
    func digests(of range: Range<Int64>, signsBody: Bool) throws(ObjectStoreError) -> S3BodyDigests {
        var digest = S3Digest(signsBody: signsBody)
        var offset = range.lowerBound
        while offset < range.upperBound {
            let part = try read(Int(min(1 << 20, range.upperBound - offset)), at: offset)
            guard part.readableBytes > 0 else {
                throw ObjectStoreError(.file, "\(ShownName.escaped(path)) became shorter while it was uploaded")
            }
            part.withUnsafeReadableBytes { digest.update($0) }
            offset += Int64(part.readableBytes)
        }
        return digest.finish()
    }

    static func failure(_ what: String, _ path: String) -> ObjectStoreError {
        ObjectStoreError(.file, "cannot \(what) \(ShownName.escaped(path)): \(String(cString: strerror(errno)))")
    }

    /// Does blocking work with files on the process's threads for that.
    static func blocking<Result: Sendable>(
        _ work: @escaping @Sendable () throws -> Result
    ) async throws(ObjectStoreError) -> Result {
        do {
            return try await BlockingWork.run(work)
        } catch let error as ObjectStoreError {
            throw error
        } catch is CancellationError {
            throw ObjectStoreError(.cancelled, "cancelled")
        } catch {
            throw ObjectStoreError(.file, "a file operation could not be run: \(error)")
        }
    }
}

/// A stretch of a file as a request's body, read while it is sent.
struct FileBody: AsyncSequence, Sendable {
    let file: LocalFile
    let range: Range<Int64>

    struct Iterator: AsyncIteratorProtocol {
        let file: LocalFile
        var rest: Range<Int64>

        mutating func next() async throws -> ByteBuffer? {
            guard !rest.isEmpty else { return nil }
            let (file, offset, count) = (
                file, rest.lowerBound, Int(Swift.min(256 << 10, rest.upperBound - rest.lowerBound))
            )
            let part = try await LocalFile.blocking { try file.read(count, at: offset) }
            guard part.readableBytes > 0 else {
                throw ObjectStoreError(.file, "\(ShownName.escaped(file.path)) became shorter while it was uploaded")
            }
            rest = (offset + Int64(part.readableBytes))..<rest.upperBound
            return part
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(file: file, rest: range) }
}
