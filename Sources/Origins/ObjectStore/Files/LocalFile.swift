import Files
import HTTPTransport
import NIOCore
import S3

/// A file of ours, open for positional reads or writes; closed when the last reference goes.
package final class LocalFile: Sendable {
    let path: String
    private let file: HeldFile

    private init(path: String, file: HeldFile) {
        self.path = path
        self.file = file
    }

    /// Opens a regular file for reading. A link is followed: its name is from the user or the task.
    package static func reading(_ path: String) throws(ObjectStoreError) -> LocalFile {
        try open(path, .followSymlink, for: "read")
    }

    /// Opens a file for reading and writing, making it where it is not there.
    static func writing(_ path: String) throws(ObjectStoreError) -> LocalFile {
        try open(path, [.write, .create], for: "write")
    }

    private static func open(
        _ path: String, _ options: OpenOptions, for what: String
    ) throws(ObjectStoreError) -> LocalFile {
        let held: HeldFile
        do throws(SystemError) { held = try HeldFile(SystemPath(path), options) } catch {
            throw failure(what, path, error)
        }
        let file = LocalFile(path: path, file: held)
        _ = try file.stamp()
        return file
    }

    /// What tells that the file was written to meanwhile.
    func stamp() throws(ObjectStoreError) -> FileStamp {
        let status = try run("read") { () throws(SystemError) in try file.status() }
        guard status.kind == .file else {
            throw ObjectStoreError(.file, "\(ShownName.escaped(path)) is not a regular file")
        }
        return FileStamp(status)
    }

    /// Bytes from `offset` on, at most `count`; fewer at the end of the file.
    func read(_ count: Int, at offset: Int64) throws(ObjectStoreError) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        var failure: SystemError?
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
            do throws(SystemError) {
                return try file.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[..<count]), at: offset)
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw LocalFile.failure("read", path, failure) }
        return buffer
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(ObjectStoreError) {
        try run("write") { () throws(SystemError) in try file.write(bytes, at: offset) }
    }

    func truncate(to size: Int64) throws(ObjectStoreError) {
        try run("write") { () throws(SystemError) in try file.truncate(to: size) }
    }

    func sync() throws(ObjectStoreError) {
        try run("write") { () throws(SystemError) in try file.synchronize(dataOnly: true) }
    }

    private func run<R>(_ what: String, _ body: () throws(SystemError) -> R) throws(ObjectStoreError) -> R {
        do throws(SystemError) { return try body() } catch { throw LocalFile.failure(what, path, error) }
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

    static func failure(_ what: String, _ path: String, _ error: SystemError) -> ObjectStoreError {
        ObjectStoreError(.file, "cannot \(what) \(ShownName.escaped(path)): \(error)")
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
