import Blobs
import HTTPServing
import HTTPTypes
import Hummingbird
import OCI
import Origin
import Registry

/// The blobs of all origins, for the OCI distribution API of one of them.
struct ClusterBlobs: OCIBlobs {
    let directory: BlobDirectory
    let uploads: UploadTable?
    let reads: BlobReads
    let copies: Copies
    /// Nil without upkeep of the disk.
    let upkeep: OriginUpkeep?

    func admitPush() async throws(OCIError) {
        guard let upkeep, await upkeep.space.isFull() else { return }
        throw OCIError(507, .denied, "no space is left at the registry")
    }

    func obtain(_ digest: BlobDigest, for name: ContentName) async throws(OCIError) -> Int64? {
        try await reads.size(of: digest, in: name)
    }

    func isSafe(_ digest: BlobDigest, for name: ContentName) async -> Bool { await copies.isSafe(digest, for: name) }

    func response(
        _ digest: BlobDigest, for name: ContentName, to head: HTTPRequest, headers: HTTPFields,
        in context: ServiceContext
    ) async throws(OCIError) -> Response? {
        let wish = BlobReads.Wish(digest: digest, head: head, headers: headers, name: name)
        switch await reads.answer(wish, in: context) {
        case .response(let response): return response
        case .refused(let error): throw error
        case .cold(let answer):
            throw ColdAnswers.error(answer, digest) ?? OCIError(404, .blobUnknown, RegistryText.noBlob(digest))
        case .missing:
            throw OCIError(
                404, .blobUnknown, RegistryText.noBlob(digest),
                detail: .object(["digest": .string(digest.description)]))
        }
    }

    func hold(_ digest: BlobDigest) -> (any Sendable)? { reads.node.catalogue.reserve(digest.sha256) }

    func pushed(_ blob: FinishedBlob, to name: ContentName) async throws(OCIError) {
        try await copies.settle(blob, id: "", name: name)
    }

    func pushed(_ blob: FinishedBlob, by id: String, to name: ContentName) async throws(OCIError) {
        try await copies.settle(blob, id: id, name: name)
    }

    func tap(_ part: UploadPart) async -> (any UploadTap)? { copies.tap(part, from: .client) }

    func dropped(_ id: String) async { await copies.dropped(id) }
}
