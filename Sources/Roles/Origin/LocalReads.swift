import Admission
import BlobNode
import HTTPServing
import HTTPTypes
import Hummingbird
import OCI
import Registry
import Threads

/// Answers reads of the blobs that are on this host's disk, a few large ones at a time.
package struct LocalReads: Sendable {
    package let node: BlobNode
    private let direct: DirectReads
    private let admission: Admission
    private let limits: HTTPLimits

    /// Blobs up to this size are read by any number at a time.
    private static let small: Int64 = 64 << 10

    package init(node: BlobNode, direct: DirectReads, admission: Admission, limits: HTTPLimits) {
        self.node = node
        self.direct = direct
        self.admission = admission
        self.limits = limits
    }

    /// Nil for a blob that is not here. It stays here until the answer has been sent.
    /// - Parameter headers: what is said of the blob.
    package func response(
        _ digest: BlobDigest, to head: HTTPRequest, headers: HTTPFields, in context: ServiceContext
    ) async throws(OCIError) -> Response? {
        guard let (entry, lease) = node.catalogue.lease(digest.sha256, at: Clocks.wallSeconds),
            let file = await node.directory.served(digest)
        else { return nil }
        var held: DirectReads.Place?
        if head.method == .get, entry.size > Self.small {
            held = direct.place()
            if held == nil { throw DirectReads.refusal }
        }
        guard let place = context.place(admission, at: .files) else {
            throw OCIError(429, .tooManyRequests, RequestPlace.refusalText)
        }
        // The tag is alike on all origins, so that a read goes on at another one.
        var response = FileAnswer(to: head, file: file, headers: headers, tag: "\"\(digest)\"")
            .response(in: context, within: limits, admission, holding: place)
        if let held { response = response.holding(held) }
        return response.holding(lease)
    }
}
