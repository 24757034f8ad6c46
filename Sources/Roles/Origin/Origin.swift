// Origin: stores pushed blobs and serves them.
//
// Purpose: the HTTP server of a registry over this host's blobs and an index of names: the OCI distribution API, all
// that a pull needs in one response, torrents for any client. Must never: report a push as successful before its blob
// is durable and can be read.

import Backends
import BlobNode
import Blobs
import ColdStore
import HTTPServing
import HTTPTypes
import Hummingbird
import OCI
import Registry
import Threads

/// The blobs of an origin, for the OCI distribution API.
struct OriginBlobs: OCIBlobs {
    let node: BlobNode
    let uploads: UploadTable?
    /// Nil without back ends.
    let cold: ColdStore?
    /// Nil without upkeep of the disk.
    let upkeep: OriginUpkeep?
    let here: LocalReads
    var directory: BlobDirectory { node.directory }

    func response(
        _ digest: BlobDigest, for name: ContentName, to head: HTTPRequest, headers: HTTPFields,
        in context: ServiceContext
    ) async throws(OCIError) -> Response? {
        if node.catalogue.entry(of: digest.sha256) == nil, let cold,
            let response = try await here.arriving(
                digest, of: name, from: cold.reads, to: head, headers: headers, in: context)
        {
            return response
        }
        guard try await obtain(digest, for: name) != nil else { return nil }
        return try await here.response(digest, to: head, headers: headers, in: context)
    }

    func obtain(_ digest: BlobDigest, for name: ContentName) async throws(OCIError) -> Int64? {
        if node.catalogue.entry(of: digest.sha256) == nil, let cold {
            let answer = await cold.reads.answer(
                for: digest, of: name, wish: .content, patience: ColdAnswers.patience)
            if let error = ColdAnswers.error(answer, digest) { throw error }
        }
        return node.catalogue.touch(digest.sha256, at: Clocks.wallSeconds)?.size
    }

    func admitPush() async throws(OCIError) {
        guard let upkeep, await upkeep.space.isFull() else { return }
        throw OCIError(507, .denied, "no space is left at the registry")
    }

    func hold(_ digest: BlobDigest) -> (any Sendable)? { node.catalogue.reserve(digest.sha256) }

    func pushed(_ blob: FinishedBlob, to name: ContentName) async throws(OCIError) {
        node.catalogue.add(blob.digest, blob.info, usedAt: Clocks.wallSeconds)
    }
}
