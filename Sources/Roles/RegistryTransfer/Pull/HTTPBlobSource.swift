import Files
import Hashing
import NIOCore
import Reactor
import Registry
import RegistryClient
import Synchronization
import Threads

/// Fetches blobs from one registry over HTTP, in order from the beginning. A body that breaks off is resumed with a range
/// request.
package struct HTTPBlobSource: BlobSource {
    private let client: RegistryClient
    private let name: ContentName
    private let limits: RegistryTransferLimits
    private let pool: WorkerPool
    /// Seconds without a byte after which a blob is given up; nil to give up after `limits.tries` attempts without a byte.
    private let patience: Double?

    package init(
        _ client: RegistryClient, name: ContentName, limits: RegistryTransferLimits, pool: WorkerPool,
        patience: Double?
    ) {
        self.client = client
        self.name = name
        self.limits = limits
        self.pool = pool
        self.patience = patience
    }

    package func fetch(
        _ blob: WantedBlob, into file: HeldFile, progress: @escaping @Sendable (BlobProgress) -> Void
    ) async throws(PullError) {
        let path = "\(blob.digest)"
        let output = SparseOutput(file: file, path: path)
        let writer = BlobWriter(pool: pool, batchBytes: 2 * limits.blockBytes) { bytes, offset throws(PullError) in
            try output.write(bytes, offset)
        }
        let there = try await Threads.offloaded(pool) { () throws(PullError) in
            try onDisk("look at", path) { () throws(Files.SystemError) in try file.status().size }
        }
        if there > 0 {
            try await writer.skip(file, limit: min(there, blob.size), path: path, blockBytes: limits.blockBytes)
        }
        var mayBeWrong = there > 0
        while true {
            progress(.here(writer.position))
            try await receive(blob, writer, progress)
            if writer.digest == blob.digest { break }
            // The bytes of an earlier run may be wrong: the blob is then fetched once more from its beginning.
            guard mayBeWrong else { throw .wrongContent(blob.digest) }
            mayBeWrong = false
            writer.restart()
            try await Threads.offloaded(pool) { () throws(PullError) in
                try onDisk("write", path) { () throws(Files.SystemError) in try file.truncate(to: 0) }
            }
        }
        try await Threads.offloaded(pool) { () throws(PullError) in
            try onDisk("write", path) { () throws(Files.SystemError) in try file.truncate(to: blob.size) }
        }
    }

    package func stream(
        _ blob: WantedBlob, to write: @escaping @Sendable (UnsafeRawBufferPointer) throws(PullError) -> Void,
        progress: @escaping @Sendable (BlobProgress) -> Void
    ) async throws(PullError) {
        let tail = StreamTail(write)
        let writer = BlobWriter(pool: pool, batchBytes: 2 * limits.blockBytes) { bytes, _ throws(PullError) in
            try tail.take(bytes)
        }
        try await receive(blob, writer, progress)
        guard writer.digest == blob.digest else { throw .wrongContent(blob.digest) }
        try await Threads.offloaded(pool) { () throws(PullError) in try tail.end() }
    }

    /// Receives all bytes that the writer does not have yet, with retries.
    private func receive(
        _ blob: WantedBlob, _ writer: BlobWriter, _ progress: @escaping @Sendable (BlobProgress) -> Void
    ) async throws(PullError) {
        var failures = 0
        var lastByte = ContinuousClock.now
        while writer.position < blob.size {
            let before = writer.position
            progress(.sources(peers: 0, origins: 1))
            do throws(PullError) {
                try await receiveOnce(blob, writer, progress)
                // A body that ended early without an error is treated like one that broke off.
                if writer.position == blob.size { return }
                try await note("the registry sends less than it should")
            } catch {
                if Task.isCancelled { throw .cancelled }
                guard case .registry(let cause) = error, cause.isPassing else { throw error }
                try await note("\(cause)" + (cause.cause.map { ": \($0)" } ?? ""))
            }
            func note(_ reason: String) async throws(PullError) {
                if writer.position > before {
                    failures = 0
                    lastByte = .now
                }
                failures += 1
                progress(.sources(peers: 0, origins: 0))
                progress(.waiting(reason))
                let silence = (ContinuousClock.now - lastByte) / .seconds(1)
                if let patience {
                    if silence >= patience { throw .silent(seconds: patience, reason: reason) }
                } else if failures >= limits.tries {
                    throw .silent(seconds: silence, reason: reason)
                }
                var pause = min(limits.firstPause * Double(1 << min(failures - 1, 10)), 30)
                if let patience { pause = min(pause, max(0.01, patience - silence)) }
                do { try await Task.sleep(for: .seconds(pause)) } catch { throw .cancelled }
            }
        }
    }

    private func receiveOnce(
        _ blob: WantedBlob, _ writer: BlobWriter, _ progress: @escaping @Sendable (BlobProgress) -> Void
    ) async throws(PullError) {
        let begin = writer.position
        let body = try await asking { () throws(RegistryError) in
            try await client.open(blob.digest, in: name, from: begin)
        }
        if let size = body.size, size != blob.size {
            throw .wrongSize(blob.digest, expected: blob.size, found: size)
        }
        var at = body.start
        var batches = BlobWriter.Batches(writer)
        var failure: PullError?
        do {
            try await body.forEach { part in
                var part = part
                progress(.received(part.readableBytes))
                // A server without ranges sends the blob from its beginning: known bytes are skipped.
                if at < begin {
                    let known = Int(min(Int64(part.readableBytes), begin - at))
                    part.moveReaderIndex(forwardBy: known)
                    at += Int64(known)
                }
                guard part.readableBytes > 0 else { return }
                at += Int64(part.readableBytes)
                guard at <= blob.size else { throw PullError.wrongSize(blob.digest, expected: blob.size, found: nil) }
                try await batches.add(part)
                progress(.here(at))
            }
        } catch let error as PullError {
            failure = error
        } catch let error as RegistryError {
            failure = error == .cancelled ? .cancelled : .registry(error)
        } catch {
            failure = .cancelled
        }
        // Bytes that arrived before the failure are written too.
        do throws(PullError) { try await batches.end() } catch { throw failure ?? error }
        if let failure { throw failure }
    }
}

/// Holds back the last bytes of a stream until all bytes have been verified.
private final class StreamTail: Sendable {
    private static let keptBytes = 1
    private let write: @Sendable (UnsafeRawBufferPointer) throws(PullError) -> Void
    private let last = Mutex<[UInt8]>([])

    init(_ write: @escaping @Sendable (UnsafeRawBufferPointer) throws(PullError) -> Void) { self.write = write }

    func take(_ bytes: UnsafeRawBufferPointer) throws(PullError) {
        guard !bytes.isEmpty else { return }
        try end()
        let cut = bytes.count - min(Self.keptBytes, bytes.count)
        if cut > 0 { try write(UnsafeRawBufferPointer(rebasing: bytes[..<cut])) }
        let rest = Array(bytes[cut...])
        last.withLock { $0 = rest }
    }

    func end() throws(PullError) {
        let kept = last.withLock { last in
            defer { last = [] }
            return last
        }
        guard !kept.isEmpty else { return }
        var failure: PullError?
        kept.withUnsafeBytes { bytes in
            do throws(PullError) { try write(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
