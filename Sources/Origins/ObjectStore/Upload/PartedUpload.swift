import Files
import S3
import Synchronization

/// A multipart upload of one file.
final class PartedUpload: Sendable {
    private let store: ObjectStore
    private let file: LocalFile
    private let stamp: FileStamp
    private let key: String
    private let plan: UploadPlan
    private let metadata: [S3Header]
    private let progress: @Sendable (UploadProgress) -> Void
    /// The entity tag of an identical object, whoever uploaded it; nil if there is none.
    private let tagIfThere: @Sendable () async throws(ObjectStoreError) -> String?
    /// Uploads that this process has begun.
    private let begun = Mutex<Set<String>>([])
    private let stored = Mutex<(all: Int64, reused: Int64)>((0, 0))

    /// Maximum number of unfinished uploads of one key whose parts are listed.
    private static let mostCandidates = 4

    init(
        store: ObjectStore, file: LocalFile, stamp: FileStamp, key: String, plan: UploadPlan,
        metadata: [S3Header], progress: @escaping @Sendable (UploadProgress) -> Void,
        tagIfThere: @escaping @Sendable () async throws(ObjectStoreError) -> String?
    ) {
        self.store = store
        self.file = file
        self.stamp = stamp
        self.key = key
        self.plan = plan
        self.metadata = metadata
        self.progress = progress
        self.tagIfThere = tagIfThere
    }

    func run() async throws(ObjectStoreError) -> UploadResult {
        var (upload, parts) = try await takeUp()
        for isRetry in [false, true] {
            do {
                return try await finish(upload, parts)
            } catch  where error.kind == .noSuchUpload && !isRetry {
                // The upload is gone: another node with the same file has completed it, or it was aborted (by a rule of
                // the bucket, or a person). Start again, once.
                if let tag = try await tagIfThere() {
                    return UploadResult(size: plan.size, entityTag: tag, reused: plan.size)
                }
                stored.withLock { $0 = (0, 0) }
                (upload, parts) = (try await begin(), [:])
            } catch {
                await abandon(upload, after: error)
                throw error
            }
        }
        throw ObjectStoreError(.noSuchUpload, "\(store.host) loses uploads as they are made")
    }

    /// The unfinished upload of this key with the most bytes of the file, and its parts; a new one if there is none.
    private func takeUp() async throws(ObjectStoreError) -> (upload: String, parts: [Int: S3Part]) {
        var best: (upload: String, parts: [Int: S3Part])?
        for upload in try await unfinished().suffix(PartedUpload.mostCandidates) {
            let parts: [S3Part]
            do {
                parts = try await store.parts(of: upload.id, key: key)
            } catch  where !error.isTransient && error.kind != .cancelled {
                continue
            }
            let fitting = parts.filter(plan.fits)
            if best.map({ fitting.count > $0.parts.count }) ?? true {
                best = (upload.id, Dictionary(fitting.map { ($0.number, $0) }) { _, last in last })
            }
        }
        if let best { return best }
        return (try await begin(), [:])
    }

    /// Unfinished uploads of exactly this key, oldest first. Empty if the credentials are not allowed to list them.
    private func unfinished() async throws(ObjectStoreError) -> [S3Upload] {
        do {
            return try await store.unfinishedUploads(prefix: key)
                .filter { $0.key.utf8.elementsEqual(key.utf8) }
                .sorted { ($0.initiated ?? 0) < ($1.initiated ?? 0) }
        } catch  where [.denied, .unsupported, .refused, .noSuchKey].contains(error.kind) {
            return []
        }
    }

    private func begin() async throws(ObjectStoreError) -> String {
        let bytes = try await store.document(of: .createUpload(key: key, metadata: metadata))
        do {
            let upload = try S3UploadStart(bytes).upload
            _ = begun.withLock { $0.insert(upload) }
            return upload
        } catch {
            throw store.malformed(error).naming(key)
        }
    }

    /// Sends the missing parts and completes the object.
    private func finish(_ upload: String, _ known: [Int: S3Part]) async throws(ObjectStoreError) -> UploadResult {
        let parts = try await sendParts(upload, known)
        guard try file.stamp() == stamp else {
            throw ObjectStoreError(.file, "\(ShownName.escaped(file.path)) changed while it was uploaded")
        }
        let tag = try await complete(upload, parts)
        // Uploads left behind by an earlier process would be billed until someone aborts them. Recent ones may belong
        // to another node that uploads the same key.
        if let others = try? await unfinished() {
            for other in others where other.id != upload && isNobodys(other) {
                try? await store.abort(upload: other.id, key: key)
            }
        }
        return UploadResult(size: plan.size, entityTag: tag, reused: stored.withLock { $0.reused })
    }

    private func sendParts(_ upload: String, _ known: [Int: S3Part]) async throws(ObjectStoreError) -> [S3Part] {
        let (count, width) = (plan.partCount, max(1, store.settings.parallel))
        let outcome: Result<[S3Part], ObjectStoreError> = await withTaskGroup(
            of: Result<S3Part, ObjectStoreError>.self
        ) { group in
            var next = 1
            var done: [S3Part] = []
            func startOne() {
                guard next <= count else { return }
                let number = next
                next += 1
                group.addTask {
                    do throws(ObjectStoreError) {
                        return .success(try await self.part(number, upload, known[number]))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            for _ in 0..<width { startOne() }
            while let result = await group.next() {
                switch result {
                case .success(let part): done.append(part)
                case .failure(let error):
                    group.cancelAll()
                    return .failure(error)
                }
                startOne()
            }
            return .success(done.sorted { $0.number < $1.number })
        }
        if Task.isCancelled { throw ObjectStoreError(.cancelled, "cancelled") }
        return try outcome.get()
    }

    /// Sends a part unless the store has it.
    private func part(_ number: Int, _ upload: String, _ known: S3Part?) async throws(ObjectStoreError) -> S3Part {
        let range = plan.range(ofPart: number)
        let length = range.upperBound - range.lowerBound
        let digests = try await store.digests(of: range, in: file)
        if let known, known.entityTag.lowercased() == digests.entityTag {
            count(length, reused: true)
            return known
        }
        let request = S3Request.uploadPart(
            key: key, upload: upload, number: number, length: length, sha256: digests.sha256,
            contentMD5: digests.contentMD5)
        let tag = try await store.retrying { () async throws(ObjectStoreError) in
            try await self.store.send(request, self.file, range).entityTag
        }
        guard !tag.isEmpty else {
            throw ObjectStoreError(.wrongContent, "\(store.host) takes a part and gives no entity tag for it")
        }
        count(length, reused: false)
        return S3Part(number: number, size: length, entityTag: tag)
    }

    private func count(_ length: Int64, reused: Bool) {
        let all = stored.withLock { stored in
            stored.all += length
            if reused { stored.reused += length }
            return stored.all
        }
        progress(UploadProgress(stored: all, size: plan.size))
    }

    private func complete(_ upload: String, _ parts: [S3Part]) async throws(ObjectStoreError) -> String {
        let request = S3Request.completeUpload(key: key, upload: upload, parts: parts)
        do {
            return try await store.retrying { () async throws(ObjectStoreError) in
                let bytes = try await self.store.collect(self.store.once(request), limit: S3Limits().answerBytes)
                let end: S3UploadEnd
                do throws(S3AnswerError) { end = try S3UploadEnd(bytes) } catch { throw self.store.malformed(error) }
                switch end {
                case .completed(let tag): return tag
                // Some stores send the status 200 before the operation has finished, and report the failure in the
                // body.
                case .failed(let failure): throw self.store.refusal(status: 500, failure, key: self.key)
                }
            }
        } catch  where error.kind == .noSuchUpload {
            // The response to an earlier attempt may have been lost.
            let info = try? await store.head(key: key)
            guard let info, info.size == plan.size, info.entityTag == S3Digest.entityTag(of: parts) else { throw error }
            return info.entityTag
        }
    }

    /// Whether an upload is abandoned: begun earlier by this process, or long ago by any node.
    private func isNobodys(_ upload: S3Upload) -> Bool {
        if begun.withLock({ $0.contains(upload.id) }) { return true }
        guard let initiated = upload.initiated else { return false }
        return store.client.clock() - initiated > store.settings.abandonedUploadAge
    }

    /// Deletes the parts, unless the next attempt can use them, or they may belong to another node.
    private func abandon(_ upload: String, after error: ObjectStoreError) async {
        guard begun.withLock({ $0.contains(upload) }) else { return }
        guard !error.isTransient, ![.cancelled, .denied, .clockSkew, .untrusted].contains(error.kind) else { return }
        let (store, key) = (store, key)
        await Task { try? await store.abort(upload: upload, key: key) }.value
    }
}
