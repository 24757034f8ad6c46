import S3

/// An object in a bucket. Size in bytes, times in seconds since 1970.
package typealias StoredObject = S3Object

/// The properties of an object that a store reports.
package struct ObjectInfo: Sendable, Hashable {
    package let size: Int64
    /// Without quotes; empty if the store sends none.
    package let entityTag: String
    /// The hash of the content, as stored by `upload` in the object's metadata.
    package let contentHash: String?
}

extension ObjectStore {
    /// Name of the metadata header that holds a file's hash.
    static let hashHeader = "x-amz-meta-swoop-hash"

    /// All objects whose keys begin with a prefix, in the store's order.
    ///
    /// End the prefix with a slash to list a directory. Keys are untrusted: check them before they become paths.
    /// - Throws: `ObjectStoreError`; `.wrongContent` for more than `mostObjects`.
    package func list(prefix: String) async throws(ObjectStoreError) -> [StoredObject] {
        var all: [StoredObject] = []
        try await list(prefix: prefix) { page in all += page }
        return all
    }

    /// The same, page by page.
    package func list(
        prefix: String, pageSize: Int = S3Request.largestPage, _ body: ([StoredObject]) async -> Void
    ) async throws(ObjectStoreError) {
        var request = S3Request.list(prefix: prefix, pageSize: pageSize)
        var last: S3ObjectPage.Next?
        var count = 0
        while true {
            let bytes = try await document(of: request)
            let page: S3ObjectPage
            do { page = try S3ObjectPage(bytes) } catch { throw malformed(error) }
            for object in page.objects where !object.key.utf8.starts(with: prefix.utf8) {
                throw ObjectStoreError(.wrongContent, "\(host) lists objects that were not asked for")
            }
            count += page.objects.count
            guard count <= settings.mostObjects else {
                throw ObjectStoreError(
                    .wrongContent, "bucket \(address.bucket) has more than \(settings.mostObjects) objects there")
            }
            if !page.objects.isEmpty { await body(page.objects) }
            if Task.isCancelled { throw ObjectStoreError(.cancelled, "cancelled") }
            guard let next = page.next else { return }
            // A page without objects is valid (all were filtered out); a page that leads to itself is a loop.
            guard next != last else { throw ObjectStoreError(.wrongContent, "\(host) lists in circles") }
            switch (next, last) {
            case (.marker(let new), .marker(let old)?) where !old.utf8.lexicographicallyPrecedes(new.utf8):
                throw ObjectStoreError(.wrongContent, "\(host) lists in circles")
            case (.token, _) where page.objects.isEmpty:
                count += 1
            default: break
            }
            last = next
            request =
                switch next {
                case .token(let token): S3Request.list(prefix: prefix, token: token, pageSize: pageSize)
                case .marker(let marker): S3Request.list(prefix: prefix, after: marker, pageSize: pageSize)
                }
        }
    }

    /// Size and entity tag of an object.
    /// - Parameter isPatient: whether to retry after transient failures. False for a caller that checks whether the
    ///   store is available now.
    /// - Throws: `ObjectStoreError`; `.noSuchKey` if there is no such object.
    package func head(key: String, isPatient: Bool = true) async throws(ObjectStoreError) -> ObjectInfo {
        let answer = isPatient ? try await answer(to: .head(key: key)) : try await once(.head(key: key))
        let lengths = answer.headers["content-length"]
        guard lengths.count == 1, let size = Int64(lengths[0]), size >= 0 else {
            throw ObjectStoreError(.wrongContent, "\(host) does not say how long \(ShownName.escaped(key)) is")
        }
        let hash = answer.headers.first(name: ObjectStore.hashHeader).flatMap { hash in
            hash.utf8.count <= 128 && hash.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) ? hash : nil
        }
        return ObjectInfo(size: size, entityTag: answer.entityTag, contentHash: hash)
    }
}
