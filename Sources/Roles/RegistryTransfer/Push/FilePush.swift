import Authoring
import Files
import NIOCore
import Reactor
import Registry
import RegistryClient
import Synchronization
import Threads

/// Sends one file to the registry, or finds out that it is there.
struct FilePush: Sendable {
    let context: PushContext
    let index: Int
    /// For messages.
    let path: String
    let file: HeldFile
    let stamp: DigestStamp
    private var size: Int64 { stamp.size }
    private var limits: RegistryTransferLimits { context.limits }
    private var client: RegistryClient { context.client }
    private var key: UploadLedger.Key {
        UploadLedger.Key(registry: client.base.text, name: context.name, stamp)
    }

    /// - Returns: the digest of the file, which the registry has then.
    func run() async throws(PushError) -> BlobDigest {
        if let known = context.digests.digest(stamp) {
            if try await isThere(known) { return known }
            return size <= Int64(limits.smallBytes) ? try await sendWhole() : try await sendParts(expecting: known)
        }
        if size <= Int64(limits.smallBytes) { return try await sendWhole() }
        guard context.sizes.contains(size), context.ledger.location(key) == nil else {
            return try await sendParts(expecting: nil)
        }
        let digest = try await hash()
        return try await isThere(digest) ? digest : try await sendParts(expecting: digest)
    }

    private func isThere(_ digest: BlobDigest) async throws(PushError) -> Bool {
        guard
            try await registry({ () throws(RegistryError) in try await client.size(of: digest, in: context.name) })
                != nil
        else { return false }
        context.meter.finish(index, size: size, isCached: true)
        return true
    }

    /// The digest of a file of which there may be a blob already.
    private func hash() async throws(PushError) -> BlobDigest {
        let reader = BlockReader(file, path: path, size: size, from: size, limits: limits, pool: context.pool) {
            context.meter.advance(index, by: $0)
        }
        let digest = try await reader.digest()
        try remember(digest)
        context.meter.reach(index, 0)
        return digest
    }

    /// Checks that the file is what it was, and notes its digest.
    private func remember(_ digest: BlobDigest) throws(PushError) {
        let status: FileStatus
        do { status = try file.status() } catch { throw .system("look at", path: path, error) }
        guard DigestStamp(status) == stamp else { throw .changed(path: path) }
        context.digests.remember(stamp, digest, now: Clocks.wall)
    }

    // MARK: Small files

    private func sendWhole() async throws(PushError) -> BlobDigest {
        let reader = BlockReader(file, path: path, size: size, from: 0, limits: limits, pool: context.pool)
        var bytes: [UInt8] = []
        while let block = try await reader.next() { bytes += block.readableBytesView }
        let digest = try await reader.digest()
        try remember(digest)
        if try await isThere(digest) { return digest }
        let content = bytes
        try await registry { () throws(RegistryError) in try await client.upload(content, digest, in: context.name) }
        context.meter.sent(bytes.count)
        context.meter.finish(index, size: size, isCached: false)
        return digest
    }

    // MARK: Large files

    /// - Parameter known: what the file's digest was, if it was read before.
    private func sendParts(expecting known: BlobDigest?) async throws(PushError) -> BlobDigest {
        var upload: UploadSession
        if let earlier = try await resumed() {
            upload = earlier
        } else if let known {
            // Another name may have it.
            guard let begun = try await mount(known) else { return known }
            upload = begun
        } else {
            upload = try await begin()
        }
        var isResumed = upload.offset > 0
        for _ in 0..<max(3, limits.tries) {
            let digest = try await send(&upload)
            do throws(PushError) {
                try remember(digest)
                if let known, known != digest { throw .changed(path: path) }
            } catch {
                await client.cancel(upload)
                context.ledger.forget(key)
                throw error
            }
            if try await finish(upload, digest, mayBeWrong: isResumed) { return digest }
            // What the registry had of it was something else, or it is over there.
            context.ledger.forget(key)
            guard let again = try await mount(digest) else { return digest }
            upload = again
            isResumed = false
        }
        throw .registry(.unknown("the registry ended the upload again and again"))
    }

    private func begin() async throws(PushError) -> UploadSession {
        let upload = try await registry { () throws(RegistryError) in
            try await client.beginUpload(in: context.name, size: size)
        }
        context.ledger.save(upload.location, key)
        return upload
    }

    /// Takes the blob over from another name of the registry; nil when that is done, else an upload.
    private func mount(_ digest: BlobDigest) async throws(PushError) -> UploadSession? {
        let upload = try await registry { () throws(RegistryError) in
            try await client.mount(digest, in: context.name, from: nil, size: size)
        }
        if let upload { context.ledger.save(upload.location, key) }
        if upload == nil { context.meter.finish(index, size: size, isCached: true) }
        return upload
    }

    /// The upload of an earlier run, if the registry still has it.
    private func resumed() async throws(PushError) -> UploadSession? {
        guard let location = context.ledger.location(key), location.host == client.base.host else { return nil }
        let found: UploadSession?
        do {
            found = try await client.status(of: UploadSession(location: location, offset: 0))
        } catch {
            if error == .cancelled { throw .cancelled }
            // A registry that is away for a while may still have it.
            if error.isPassing { throw .registry(error) }
            found = nil
        }
        guard let found, found.offset <= size else {
            context.ledger.forget(key)
            return nil
        }
        return found
    }

    /// Sends all that the registry lacks, part by part.
    private func send(_ upload: inout UploadSession) async throws(PushError) -> BlobDigest {
        var reader = read(from: upload.offset, BlockReader.Mark())
        defer { reader.stop() }
        var failures = 0
        while upload.offset < size {
            context.meter.reach(index, upload.offset)
            let begin = upload.offset
            let length = min(limits.partBytes - begin % limits.partBytes, size - begin)
            let part = UploadPart(reader: reader, length: length, meter: context.meter, index: index)
            do throws(RegistryError) {
                upload = try await client.append(part, length: length, to: upload)
                context.ledger.save(upload.location, key)
                failures = 0
                if upload.offset == begin + length { continue }
            } catch {
                // What went wrong with the file comes first: the request failed because of it.
                if let failure = part.failure { throw failure }
                guard error != .cancelled, !Task.isCancelled else { throw .cancelled }
                failures += 1
                let isLost = if case .unknown = error { true } else { false }
                let most = error.isAnothers ? 3 : error.isPassing || isLost ? limits.tries : 0
                guard failures < most else { throw .registry(error) }
                context.meter.trouble("\(error)")
                if error.isAnothers {
                    // Another push of the same file, which runs now, had begun it.
                    upload = try await self.begin()
                } else {
                    try await pause(after: failures)
                    upload = try await located(upload)
                }
                if upload.offset > begin { failures = 0 }
            }
            let mark = reader.mark(before: upload.offset)
            reader.stop()
            reader = read(from: upload.offset, mark)
        }
        return try await reader.digest()
    }

    private func read(from offset: Int64, _ mark: BlockReader.Mark) -> BlockReader {
        BlockReader(file, path: path, size: size, from: offset, mark: mark, limits: limits, pool: context.pool)
    }

    /// Where an upload is after a failure; a new one if the registry lost it.
    private func located(_ upload: UploadSession) async throws(PushError) -> UploadSession {
        do {
            if let found = try await client.status(of: upload), found.offset <= size { return found }
        } catch {
            guard error != .cancelled else { throw .cancelled }
            // It may answer at the next try.
            if error.isPassing { return UploadSession(location: upload.location, offset: upload.offset) }
        }
        return try await begin()
    }

    private func pause(after failures: Int) async throws(PushError) {
        var seconds = limits.firstPause
        for _ in 1..<failures { seconds *= 2 }
        do { try await Task.sleep(for: .seconds(min(seconds, 30))) } catch { throw .cancelled }
    }

    /// - Parameter mayBeWrong: whether bytes of an earlier run are in it.
    /// - Returns: false when the upload has other bytes or has ended, and is to be made anew.
    private func finish(
        _ upload: UploadSession, _ digest: BlobDigest, mayBeWrong: Bool
    ) async throws(PushError) -> Bool {
        do throws(RegistryError) {
            try await client.finish(upload, digest)
        } catch {
            if error == .cancelled { throw .cancelled }
            // An answer that was lost, and a second request that came too late.
            let isThere = (try? await client.size(of: digest, in: context.name)) ?? nil
            if isThere == nil {
                // The registry may have the blob, and no more: it could not say that enough of its hosts have it.
                let isOver = if case .unknown = error { true } else { error.isAnothers }
                if mayBeWrong || isOver { return false }
                throw .registry(error)
            }
        }
        context.ledger.forget(key)
        context.meter.finish(index, size: size, isCached: false)
        return true
    }
}

extension RegistryError {
    /// Whether somebody else sends to the upload: what it has is not what was sent here, or a request is under way.
    fileprivate var isAnothers: Bool {
        switch self {
        case .denied: true
        case .refused(_, let status, _, _): status == 409 || status == 416
        default: false
        }
    }
}

/// The body of one request: the next so many bytes of a file.
final class UploadPart: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    private let reader: BlockReader
    private let length: Int64
    private let meter: PushMeter
    private let index: Int
    private let problem = Mutex<PushError?>(nil)

    init(reader: BlockReader, length: Int64, meter: PushMeter, index: Int) {
        self.reader = reader
        self.length = length
        self.meter = meter
        self.index = index
    }

    /// Why the file could not be read.
    var failure: PushError? { problem.withLock { $0 } }

    func makeAsyncIterator() -> Iterator { Iterator(part: self, left: length) }

    struct Iterator: AsyncIteratorProtocol {
        let part: UploadPart
        var left: Int64

        mutating func next() async throws -> ByteBuffer? {
            guard left > 0 else { return nil }
            do {
                guard let block = try await part.reader.next() else { throw PushError.cancelled }
                left -= Int64(block.readableBytes)
                part.meter.sent(block.readableBytes)
                part.meter.advance(part.index, by: block.readableBytes)
                return block
            } catch let error as PushError {
                part.problem.withLock { $0 = error }
                throw error
            }
        }
    }
}
