import Authoring
import Files
import NIOCore
import Reactor
import Registry
import RegistryClient
import Threads

/// Uploads one file to the registry, unless the registry has it already.
struct FilePush: Sendable {
    let context: PushContext
    let index: Int
    /// The file's path in messages.
    let path: String
    let file: HeldFile
    let stamp: DigestStamp
    private var size: Int64 { stamp.size }
    private var limits: RegistryTransferLimits { context.limits }
    private var client: RegistryClient { context.client }
    /// Of the file's entry in the ledger; nil while another push of the same file uses that.
    var claim: UploadLedger.Claim?
    private var key: UploadLedger.Key { claim?.key ?? .none }

    /// Runs the push. When it returns, the registry has the file.
    /// - Returns: the digest of the file.
    func run() async throws(PushError) -> BlobDigest {
        let isSmall = size <= Int64(limits.smallBytes)
        let remembered = context.digests.digest(stamp)
        if let remembered, try await isThere(remembered) { return remembered }
        if isSmall { return try await sendWhole() }
        let push = claimed()
        let entry = context.ledger.entry(push.key)
        let known = remembered ?? entry?.digest
        if let entry, let upload = try await push.resumed(entry) {
            return try await push.sendParts(upload, expecting: known)
        }
        // An upload that an earlier push began has ended at the registry, which may have the blob.
        guard known != nil || entry != nil || context.sizes.contains(size) else {
            return try await push.sendParts(expecting: nil)
        }
        // The ledger's was settled when it was kept.
        if let known { context.digests.note(stamp, known) }
        let digest = if let known { known } else { try await hash() }
        let isKnownMissing = digest == remembered
        if !isKnownMissing, try await isThere(digest) { return digest }
        return try await push.sendParts(expecting: digest)
    }

    /// This push with the file's entry in the ledger, unless another push has that.
    private func claimed() -> FilePush {
        var push = self
        push.claim = context.ledger.claim(
            UploadLedger.Key(registry: client.base.text, name: context.name, stamp))
        return push
    }

    private func isThere(_ digest: BlobDigest) async throws(PushError) -> Bool {
        guard
            try await registry({ () throws(RegistryError) in try await client.size(of: digest, in: context.name) })
                != nil
        else { return false }
        context.meter.finish(index, size: size, isCached: true)
        return true
    }

    /// Computes the digest of a file that the registry may have already.
    private func hash() async throws(PushError) -> BlobDigest {
        let reader = BlockReader(file, path: path, size: size, from: size, limits: limits, pool: context.pool) {
            context.meter.advance(index, by: $0)
        }
        let digest = try await reader.digest()
        try remember(digest)
        context.meter.reach(index, 0)
        return digest
    }

    /// Checks that the file has not changed, and remembers its digest.
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

    /// - Parameters:
    ///   - resumed: the upload of an interrupted push; nil to begin one.
    ///   - known: the file's digest from an earlier read; nil if it was not read before.
    private func sendParts(
        _ resumed: UploadSession? = nil, expecting known: BlobDigest?
    ) async throws(PushError) -> BlobDigest {
        var upload: UploadSession
        if let resumed {
            upload = resumed
        } else if let known {
            // The registry may have the blob under another name.
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
            if stamp.isSettled(at: Clocks.wall) {
                context.ledger.save(UploadLedger.Entry(location: upload.location, digest: digest), key)
            }
            switch try await finish(upload, digest, mayBeWrong: isResumed) {
            case .stored: return digest
            case .incomplete(let found): upload = found
            case .lost:
                context.ledger.forget(key)
                guard let again = try await mount(digest) else { return digest }
                upload = again
                isResumed = false
            }
        }
        throw .registry(.unknown("the registry ended the upload again and again"))
    }

    private func begin() async throws(PushError) -> UploadSession {
        let upload = try await registry { () throws(RegistryError) in
            try await client.beginUpload(in: context.name, size: size)
        }
        context.ledger.save(UploadLedger.Entry(location: upload.location), key)
        return upload
    }

    /// Adds the blob from another name of the registry. Nil when the blob was mounted, else an upload that the registry
    /// began.
    private func mount(_ digest: BlobDigest) async throws(PushError) -> UploadSession? {
        let upload = try await registry { () throws(RegistryError) in
            try await client.mount(digest, in: context.name, from: nil, size: size)
        }
        if let upload { context.ledger.save(UploadLedger.Entry(location: upload.location), key) }
        if upload == nil { context.meter.finish(index, size: size, isCached: true) }
        return upload
    }

    /// The upload of an interrupted push; nil if the registry no longer has it.
    private func resumed(_ entry: UploadLedger.Entry) async throws(PushError) -> UploadSession? {
        guard entry.location.host == client.base.host else { return nil }
        let found: UploadSession?
        do {
            found = try await client.status(of: UploadSession(location: entry.location, offset: 0))
        } catch {
            if error == .cancelled { throw .cancelled }
            // A registry that is unavailable for a while may still have the upload.
            if error.isPassing { throw .registry(error) }
            found = nil
        }
        guard let found, found.offset <= size else {
            // The digest of the file stays until the cache has it.
            if entry.digest != nil { context.ledger.end(key) } else { context.ledger.forget(key) }
            return nil
        }
        return found
    }

    /// Sends all bytes that the registry lacks, part by part.
    private func send(_ upload: inout UploadSession) async throws(PushError) -> BlobDigest {
        var reader = read(from: upload.offset, BlockReader.Mark())
        defer { reader.stop() }
        // Failures in a row, the seconds waited for another request to the upload to end, and uploads begun in its place.
        var (failures, waited, replaced) = (0, 0.0, 0)
        // Only what goes beyond this is progress: a registry may forget what it has confirmed.
        var highest = upload.offset
        while upload.offset < size {
            context.meter.reach(index, upload.offset)
            let begin = upload.offset
            let length = min(limits.partBytes - begin % limits.partBytes, size - begin)
            let part = UploadPart(reader: reader, length: length, meter: context.meter, index: index)
            var isFutile = false
            do throws(RegistryError) {
                upload = try await client.append(part, length: length, to: upload)
                context.ledger.save(UploadLedger.Entry(location: upload.location), key)
                isFutile = upload.offset <= highest
                if upload.offset > highest { (highest, failures, waited) = (upload.offset, 0, 0) }
                if upload.offset == begin + length { continue }
            } catch {
                // An error of reading the file takes precedence, since it made the request fail.
                if let failure = part.failure { throw failure }
                guard error != .cancelled, !Task.isCancelled else { throw .cancelled }
                failures += 1
                let before = upload.location
                if error.isCollision, waited < limits.collisionSeconds {
                    // The request of a push that was killed may still be under way at the registry.
                    waited += try await pause(after: failures)
                    upload = try await located(upload)
                } else if error.isCollision || error.isDenied {
                    // Another client uses the upload.
                    replaced += 1
                    guard replaced < 3 else { throw .registry(error) }
                    upload = try await self.begin()
                    (highest, failures, waited) = (0, 0, 0)
                } else {
                    let isLost = if case .unknown = error { true } else { false }
                    guard error.isPassing || isLost, failures < limits.tries else { throw .registry(error) }
                    context.meter.trouble("\(error)")
                    _ = try await pause(after: failures)
                    upload = try await located(upload)
                }
                if upload.location != before, highest > upload.offset {
                    // The registry has lost what it had: all of it is sent again, which is progress of its own.
                    replaced += 1
                    guard replaced < limits.tries else { throw .registry(error) }
                    (highest, failures) = (upload.offset, 0)
                }
                if upload.offset > highest { (highest, failures) = (upload.offset, 0) }
            }
            if isFutile {
                failures += 1
                guard failures < limits.tries else {
                    throw .registry(.malformed("less of the upload than was sent, again and again"))
                }
                _ = try await pause(after: failures)
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

    /// The state of an upload after a failure; a new upload if the registry no longer has it.
    private func located(_ upload: UploadSession) async throws(PushError) -> UploadSession {
        do {
            if let found = try await client.status(of: upload), found.offset <= size { return found }
        } catch {
            guard error != .cancelled else { throw .cancelled }
            // The registry may answer at the next attempt.
            if error.isPassing { return UploadSession(location: upload.location, offset: upload.offset) }
        }
        return try await begin()
    }

    /// - Returns: the length of the pause in seconds.
    private func pause(after failures: Int) async throws(PushError) -> Double {
        let seconds = min(limits.firstPause * Double(1 << min(failures - 1, 10)), 30)
        do { try await Task.sleep(for: .seconds(seconds)) } catch { throw .cancelled }
        return seconds
    }

    private enum Finish {
        case stored
        /// The registry has started again, and has fewer bytes than it had confirmed.
        case incomplete(UploadSession)
        /// The registry has other bytes of the upload, or has ended it: the file must be uploaded again.
        case lost
    }

    /// Ends an upload. Waits while the registry is busy with it.
    /// - Parameter mayBeWrong: whether the upload has bytes of an earlier run.
    private func finish(
        _ upload: UploadSession, _ digest: BlobDigest, mayBeWrong: Bool
    ) async throws(PushError) -> Finish {
        var (failures, waited, passing) = (0, 0.0, 0)
        while true {
            let error: RegistryError
            do throws(RegistryError) {
                try await client.finish(upload, digest)
                break
            } catch let caught {
                error = caught
            }
            if error == .cancelled { throw .cancelled }
            // The first answer may have been lost, so that the repeated request failed although the blob is stored.
            if (try? await client.size(of: digest, in: context.name)) != nil { break }
            switch error {
            case .refused(_, 416, _, _):
                if let found = try? await client.status(of: upload), found.offset < size { return .incomplete(found) }
            case .refused(_, 409, _, _) where waited < limits.collisionSeconds:
                // A push that was killed has ended the upload, and the registry is at it.
                failures += 1
                waited += try await pause(after: failures)
                continue
            default: break
            }
            if error.isPassing {
                passing += 1
                guard passing < limits.tries else {
                    // A registry may be unable to end an upload for good.
                    if mayBeWrong, case .refused(_, 500, _, _) = error { return .lost }
                    // The upload is still in the ledger, for the next push.
                    throw .registry(error)
                }
                _ = try await pause(after: passing)
                continue
            }
            // The upload may have ended at the registry with the blob, which yet has too few durable copies to count as stored.
            let isOver = if case .unknown = error { true } else { error.isCollision || error.isDenied }
            if mayBeWrong || isOver { return .lost }
            throw .registry(error)
        }
        context.ledger.end(key)
        context.meter.finish(index, size: size, isCached: false)
        return .stored
    }
}

extension RegistryError {
    /// Whether the registry has other bytes of the upload than this push assumes, or is receiving another request to it.
    fileprivate var isCollision: Bool {
        if case .refused(_, let status, _, _) = self { status == 409 || status == 416 } else { false }
    }

    fileprivate var isDenied: Bool { if case .denied = self { true } else { false } }
}
