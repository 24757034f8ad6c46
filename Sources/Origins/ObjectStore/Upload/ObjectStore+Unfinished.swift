import NIOHTTP1
import S3

/// A multipart upload that was begun and neither completed nor aborted.
package typealias UnfinishedUpload = S3Upload

extension ObjectStore {
    /// The unfinished uploads of all keys that begin with a prefix.
    package func unfinishedUploads(prefix: String) async throws(ObjectStoreError) -> [UnfinishedUpload] {
        var all: [S3Upload] = []
        var marker: S3UploadMarker?
        while true {
            let bytes = try await document(of: .listUploads(prefix: prefix, after: marker))
            let page: S3UploadPage
            do { page = try S3UploadPage(bytes) } catch { throw malformed(error) }
            // Not every store filters by the prefix.
            all += page.uploads.filter { $0.key.utf8.starts(with: prefix.utf8) }
            guard all.count <= settings.mostObjects else {
                throw ObjectStoreError(.wrongContent, "\(host) lists more uploads than a bucket has")
            }
            guard let next = page.next else { return all }
            guard next != marker, !page.uploads.isEmpty else {
                throw ObjectStoreError(.wrongContent, "\(host) lists in circles")
            }
            marker = next
        }
    }

    /// Aborts unfinished uploads and deletes their parts, after a task was cancelled or for cleanup.
    /// - Parameter begunBefore: only uploads begun before this time (seconds since 1970); nil for all.
    /// - Returns: the number of aborted uploads.
    @discardableResult
    package func abortUploads(prefix: String, begunBefore: Int64? = nil) async throws(ObjectStoreError) -> Int {
        var count = 0
        for upload in try await unfinishedUploads(prefix: prefix) {
            if let begunBefore {
                guard let initiated = upload.initiated, initiated < begunBefore else { continue }
            }
            try await abort(upload: upload.id, key: upload.key)
            count += 1
        }
        return count
    }

    /// Aborts one upload. No error if it does not exist.
    func abort(upload: String, key: String) async throws(ObjectStoreError) {
        do {
            _ = try await answer(to: .abortUpload(key: key, upload: upload))
        } catch  where error.kind == .noSuchUpload || error.kind == .noSuchKey {
        }
    }

    /// The parts that the store has of an upload.
    package func parts(of upload: String, key: String) async throws(ObjectStoreError) -> [S3Part] {
        var all: [S3Part] = []
        var marker = 0
        while true {
            let bytes = try await document(of: .listParts(key: key, upload: upload, after: marker))
            let page: S3PartPage
            do { page = try S3PartPage(bytes) } catch { throw malformed(error) }
            all += page.parts
            guard let next = page.next else { return all }
            guard next > marker, all.count <= S3Part.most else {
                throw ObjectStoreError(.wrongContent, "\(host) lists in circles")
            }
            marker = next
        }
    }

    /// Interprets a failure in the body of a response.
    func refusal(status: Int, _ failure: S3Failure, key: String) -> ObjectStoreError {
        Refusal(
            status: status, headers: HTTPHeaders(), failure: failure, address: address, key: key, now: client.clock(),
            settings: settings
        ).error
    }
}
