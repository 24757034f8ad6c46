import HTTPTransport
import S3

/// The result of an upload.
package struct UploadResult: Sendable, Hashable {
    /// In bytes.
    package let size: Int64
    package let entityTag: String
    /// Bytes that the store had already, from an earlier upload or parts of one. They were not sent.
    package let reused: Int64
}

/// Progress of an upload.
package struct UploadProgress: Sendable, Hashable {
    /// Bytes stored so far, of `size`.
    package let stored: Int64
    package let size: Int64

    package init(stored: Int64, size: Int64) {
        self.stored = stored
        self.size = size
    }
}

extension ObjectStore {
    /// Uploads a file as an object.
    ///
    /// A small file is sent in one request, a larger one in parts, several at a time. Data that the store has is not
    /// sent again: neither an identical object, nor matching parts of an interrupted upload, which are compared by
    /// their MD5. The object becomes visible when it is complete.
    /// - Parameters:
    ///   - path: a regular file, which must not change during the upload.
    ///   - contentHash: the file's hash, stored in the object's metadata. A later upload of the same file is recognised
    ///     by it without reading the file. Visible ASCII, at most 128 bytes.
    ///   - progress: called when parts have been stored, from any thread.
    /// - Throws: `ObjectStoreError`. After a transient failure, and after cancellation, the parts are kept for the next
    ///   attempt; after any other failure they are deleted.
    package func upload(
        file path: String, key: String, contentHash: String? = nil,
        progress: @escaping @Sendable (UploadProgress) -> Void = { _ in }
    ) async throws(ObjectStoreError) -> UploadResult {
        do { try S3Name.checkKey(key) } catch { throw ObjectStoreError(.address, error.description).naming(key) }
        let file = try LocalFile.reading(path)
        let stamp = try file.stamp()
        let plan = UploadPlan(size: stamp.size, wanted: settings.partSize)
        let isSingle = stamp.size <= settings.largestSinglePut || plan.partCount < 2
        let hash = contentHash.flatMap { hash in
            (1...128).contains(hash.utf8.count) && hash.utf8.allSatisfy { (0x21...0x7e).contains($0) } ? hash : nil
        }
        if let tag = try await entityTagIfSame(file, key: key, hash: hash, plan: plan, isSingle: isSingle) {
            progress(UploadProgress(stored: stamp.size, size: stamp.size))
            return UploadResult(size: stamp.size, entityTag: tag, reused: stamp.size)
        }
        let metadata = hash.map { [S3Header(ObjectStore.hashHeader, $0)] } ?? []
        let result: UploadResult
        if isSingle {
            result = try await put(file, key: key, size: stamp.size, metadata: metadata)
        } else {
            let upload = PartedUpload(
                store: self, file: file, stamp: stamp, key: key, plan: plan, metadata: metadata, progress: progress
            ) { () async throws(ObjectStoreError) in
                try await self.entityTagIfSame(file, key: key, hash: hash, plan: plan, isSingle: isSingle)
            }
            result = try await upload.run()
        }
        guard try file.stamp() == stamp else {
            try? await delete(key: key)
            throw ObjectStoreError(.file, "\(ShownName.escaped(path)) changed while it was uploaded")
        }
        progress(UploadProgress(stored: stamp.size, size: stamp.size))
        return result
    }

    /// The entity tag of the existing object if its content equals the file: by the hash in its metadata, else by its
    /// entity tag if that is made of MD5s.
    private func entityTagIfSame(
        _ file: LocalFile, key: String, hash: String?, plan: UploadPlan, isSingle: Bool
    ) async throws(ObjectStoreError) -> String? {
        let info: ObjectInfo
        do {
            info = try await head(key: key)
        } catch  where error.kind == .noSuchKey || error.kind == .denied {
            // Credentials that may write need not be allowed to read.
            return nil
        }
        guard info.size == plan.size else { return nil }
        if let hash, let stored = info.contentHash { return hash == stored ? info.entityTag : nil }
        let parts = isSingle ? 1 : plan.partCount
        let isComparable = isSingle ? S3EntityTag.isMD5(info.entityTag) : info.entityTag.hasSuffix("-\(parts)")
        guard isComparable else { return nil }
        var digests: [S3BodyDigests] = []
        for part in 1...parts {
            let range = isSingle ? 0..<plan.size : plan.range(ofPart: part)
            digests.append(try await LocalFile.blocking { try file.digests(of: range, signsBody: false) })
        }
        let ours = isSingle ? digests[0].entityTag : S3Digest.entityTag(ofParts: digests)
        return ours == info.entityTag.lowercased() ? info.entityTag : nil
    }

    private func put(
        _ file: LocalFile, key: String, size: Int64, metadata: [S3Header]
    ) async throws(ObjectStoreError) -> UploadResult {
        let digests = try await digests(of: 0..<size, in: file)
        let request = S3Request.put(
            key: key, length: size, sha256: digests.sha256, contentMD5: digests.contentMD5, metadata: metadata)
        let tag = try await retrying { () async throws(ObjectStoreError) in
            try await self.send(request, file, 0..<size).entityTag
        }
        return UploadResult(size: size, entityTag: tag, reused: 0)
    }

    /// Digests for the headers of a request that carries this range of a file.
    package func digests(of range: Range<Int64>, in file: LocalFile) async throws(ObjectStoreError) -> S3BodyDigests {
        // Under TLS the body needs no signature of its own, and Content-MD5 protects it.
        let signsBody = !address.place.isSecure && address.signature == .v4
        return try await LocalFile.blocking { try file.digests(of: range, signsBody: signsBody) }
    }

    /// Sends a range of a file once, and reads the response to its end, so that the connection can be reused.
    package func send(
        _ request: S3Request, _ file: LocalFile, _ range: Range<Int64>
    ) async throws(ObjectStoreError) -> StoreAnswer {
        let length = range.upperBound - range.lowerBound
        let body =
            length == 0 ? HTTPRequestBody([]) : HTTPRequestBody(FileBody(file: file, range: range), length: length)
        let answer = try await once(request, body: body)
        do {
            _ = try await collect(answer, limit: 64 << 10)
        } catch {
            throw error.naming(request.key)
        }
        return answer
    }
}
