import Admission
import BlobNode
import ColdStore
import HTTPServing
import HTTPTypes
import Hummingbird
import Metainfo
import OCI
import Registry
import Threads

/// Answers HTTP reads of blobs on this host's disk. Limits the number of large blobs that are read at a time.
package struct LocalReads: Sendable {
    package let node: BlobNode
    private let direct: DirectReads
    private let admission: Admission
    private let limits: HTTPLimits

    /// Blobs up to this size, in bytes, do not count towards the limit.
    private static let small: Int64 = 64 << 10

    package init(node: BlobNode, direct: DirectReads, admission: Admission, limits: HTTPLimits) {
        self.node = node
        self.direct = direct
        self.admission = admission
        self.limits = limits
    }

    /// The response to a read; nil for a blob that is not on this disk, or is wrong there. The blob cannot be removed before
    /// the response has been sent.
    /// - Parameters:
    ///   - headers: header fields of the response that describe the blob.
    ///   - takesBad: whether the reader checks each piece, so that the right ones of a blob with wrong ones are of use.
    package func response(
        _ digest: BlobDigest, to head: HTTPRequest, headers: HTTPFields, in context: ServiceContext,
        takesBad: Bool = false
    ) async throws(OCIError) -> Response? {
        guard takesBad || node.catalogue.entry(of: digest.sha256) != nil else { return nil }
        guard let (entry, lease) = node.catalogue.lease(digest.sha256, at: Clocks.wallSeconds),
            let file = await node.directory.served(digest)
        else { return nil }
        var held: Admission.RequestTicket?
        if head.method == .get, entry.size > Self.small { held = try direct.place(in: context) }
        guard let place = context.place(admission, at: .files) else {
            throw OCIError(429, .tooManyRequests, RequestPlace.refusalText)
        }
        // The entity tag is the same at all origins, so a client can continue a read at another origin.
        return FileAnswer(to: head, file: file, headers: headers, tag: "\"\(digest)\"")
            .response(in: context, within: limits, admission, holding: place, and: held)
            .holding(lease)
    }

    /// The answer with a blob that comes from its back end piece by piece; nil for one that does not.
    /// - Parameter headers: what is said of the blob.
    package func arriving(
        _ digest: BlobDigest, of name: ContentName, from reads: ColdReads, to head: HTTPRequest, headers: HTTPFields,
        in context: ServiceContext
    ) async throws(OCIError) -> Response? {
        guard let info = await reads.torrent(of: digest, in: name, patience: ColdAnswers.sizePatience) else {
            return nil
        }
        switch ArrivingAnswer.begin(to: head, size: info.length, headers: headers, tag: "\"\(digest)\"") {
        case .answered(let response): return response
        case .content(let answer):
            let held = try direct.place(in: context)
            guard let place = context.place(admission, at: .files) else {
                throw OCIError(429, .tooManyRequests, RequestPlace.refusalText)
            }
            guard let reading = await reads.read(digest, answer.range) else { return nil }
            return answer.response(from: reading.file, chunk: Self.arrivingChunk, holding: place, and: held) {
                await reading.available($0)
            }
        }
    }

    /// Bytes that are read at a time of a blob that arrives.
    private static let arrivingChunk = 1 << 20
}
