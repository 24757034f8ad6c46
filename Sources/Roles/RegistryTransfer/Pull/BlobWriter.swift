import Files
import Hashing
import NIOCore
import Reactor
import Registry
import Synchronization
import Threads

/// Hashes the bytes of a blob in order and passes them to an output, on the threads of a pool. The next batch is received
/// while one is written, so at most two batches are in memory.
final class BlobWriter: Sendable {
    typealias Output = @Sendable (UnsafeRawBufferPointer, Int64) throws(PullError) -> Void

    private struct State {
        var hasher = SHA256Stream()
    }

    private let pool: WorkerPool
    private let batchBytes: Int
    private let output: Output
    private let state = Mutex(State())

    /// - Parameter output: takes bytes, and their position in the blob.
    init(pool: WorkerPool, batchBytes: Int, output: @escaping Output) {
        self.pool = pool
        self.batchBytes = batchBytes
        self.output = output
    }

    /// The number of bytes that have been hashed and passed to the output.
    var position: Int64 { state.withLock { $0.hasher.byteCount } }
    var digest: BlobDigest { state.withLock { $0.hasher.blobDigest } }

    func restart() { state.withLock { $0.hasher = SHA256Stream() } }

    /// Hashes the bytes that a file already has, up to `limit` bytes, without writing them.
    func skip(_ file: HeldFile, limit: Int64, path: String, blockBytes: Int) async throws(PullError) {
        try await Threads.offloaded(pool) { [self] () throws(PullError) in
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: blockBytes, alignment: 4096)
            defer { buffer.deallocate() }
            var hasher = SHA256Stream()
            while hasher.byteCount < limit {
                let length = Int(min(Int64(buffer.count), limit - hasher.byteCount))
                let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<length])
                let at = hasher.byteCount
                let count = try onDisk("read", path) { () throws(Files.SystemError) in try file.read(into: part, at: at)
                }
                guard count > 0 else { break }
                hasher.update(UnsafeRawBufferPointer(rebasing: part[..<count]))
            }
            state.withLock { [hasher] in $0.hasher = hasher }
        }
    }

    private func take(_ parts: [ByteBuffer]) throws(PullError) {
        var hasher = state.withLock { $0.hasher }
        for part in parts {
            let at = hasher.byteCount
            var failure: PullError?
            part.withUnsafeReadableBytes { bytes in
                hasher.update(bytes)
                do throws(PullError) { try output(bytes, at) } catch { failure = error }
            }
            if let failure { throw failure }
            state.withLock { [hasher] in $0.hasher = hasher }
        }
    }

    /// Collects the parts of one body into batches, and writes these.
    struct Batches: ~Copyable {
        private let writer: BlobWriter
        private var parts: [ByteBuffer] = []
        private var bytes = 0
        private var pending: Task<Result<Void, PullError>, Never>?

        init(_ writer: BlobWriter) { self.writer = writer }

        mutating func add(_ part: ByteBuffer) async throws(PullError) {
            parts.append(part)
            bytes += part.readableBytes
            if bytes >= writer.batchBytes { try await flush() }
        }

        private mutating func flush() async throws(PullError) {
            try await settle()
            guard !parts.isEmpty else { return }
            let batch = parts
            let writer = writer
            parts = []
            bytes = 0
            pending = Task {
                await withCheckedContinuation { continuation in
                    writer.pool.submit {
                        do throws(PullError) { continuation.resume(returning: .success(try writer.take(batch))) } catch
                        {
                            continuation.resume(returning: .failure(error))
                        }
                    }
                }
            }
        }

        private mutating func settle() async throws(PullError) {
            guard let pending else { return }
            self.pending = nil
            try await pending.value.get()
        }

        /// Writes the last batch, and waits until all batches are written.
        mutating func end() async throws(PullError) {
            try await flush()
            try await settle()
        }
    }
}

/// Writes a blob into a file. Whole blocks of zeros become holes.
struct SparseOutput: Sendable {
    static let holeBytes = 64 << 10
    let file: HeldFile
    let path: String

    /// - Parameter offset: the position of the bytes in the file, which must not have bytes at or after it.
    func write(_ bytes: UnsafeRawBufferPointer, _ offset: Int64) throws(PullError) {
        var place = 0
        while place < bytes.count {
            // The bytes up to the next block boundary of the file.
            let at = offset + Int64(place)
            let length = min(Self.holeBytes - Int(at % Int64(Self.holeBytes)), bytes.count - place)
            var end = place + length
            let isHole = length == Self.holeBytes && Self.isZero(bytes, place..<end)
            // Following blocks of the same kind, data or zeros, are written in one call.
            while end < bytes.count {
                let next = min(Self.holeBytes, bytes.count - end)
                guard (next == Self.holeBytes && Self.isZero(bytes, end..<end + next)) == isHole else { break }
                end += next
            }
            let part = UnsafeRawBufferPointer(rebasing: bytes[place..<end])
            try onDisk("write", path) { () throws(Files.SystemError) in
                if isHole { try file.truncate(to: at + Int64(part.count)) } else { try file.write(part, at: at) }
            }
            place = end
        }
    }

    private static func isZero(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        var words = bytes[range]
        guard words.first == 0 else { return false }
        while words.count >= 8 {
            if UnsafeRawBufferPointer(rebasing: words).loadUnaligned(as: UInt64.self) != 0 { return false }
            words = words.dropFirst(8)
        }
        return words.allSatisfy { $0 == 0 }
    }
}
