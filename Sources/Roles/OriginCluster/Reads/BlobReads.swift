import Admission
import BlobNode
import Blobs
import ColdStore
import HTTPServing
import HTTPTypes
import Hummingbird
import OCI
import Origin
import Registry
import Threads

/// Answers reads of any blob: from this disk, else from an origin that has it, else from the back end.
struct BlobReads: Sendable {
    let node: BlobNode
    let watch: ClusterWatch
    let peers: OriginPeers
    let cold: ColdStore?
    let repair: Repair
    let here: LocalReads
    let admission: Admission

    /// A read of a blob.
    struct Wish: Sendable {
        let digest: BlobDigest
        let head: HTTPRequest
        /// Header fields of the response that describe the blob.
        let headers: HTTPFields
        /// The name whose back end may have the blob; nil to ask no back end.
        let name: ContentName?
        /// Seconds to wait while the blob is read from its back end.
        var patience = ColdAnswers.patience
        /// Whether the reader checks each piece, so that a blob with wrong ones is of use: it is to mend its own.
        var takesBad = false
    }

    enum Answer: Sendable {
        case response(Response)
        /// No origin has the blob, and no back end.
        case missing
        /// The blob is being read from its back end, or reading it has failed.
        case cold(ColdAnswer)
        case refused(OCIError)
    }

    func answer(_ wish: Wish, in context: ServiceContext) async -> Answer {
        if let answer = await local(wish, in: context) { return answer }
        let placement = watch.placement
        let asked = await remote(wish, from: placement.sources(of: wish.digest), in: context)
        if let answer = asked.answer { return answer }
        let answer = await fromBackEnd(wish, in: context)
        guard case .missing = answer else { return answer }
        if !node.catalogue.badPieces(of: wish.digest.sha256).isEmpty {
            return .refused(
                OCIError(503, .unavailable, "blob \(wish.digest) is wrong on the disk and is being mended: try again"))
        }
        // An origin that gave no answer may be the one that has it. Of one that has been away for long this is not said to who
        // only looks whether the blob is there: a client that is to push it again does.
        let away = wish.head.method == .head ? placement.down.subtracting(placement.gone) : placement.down
        guard let silent = asked.silent ?? away.min() else { return answer }
        return .refused(
            OCIError(
                503, .unavailable,
                "blob \(wish.digest) is at no origin that answers, and \(silent) does not answer: try again"))
    }

    /// Answers a read for another origin: no further origins are asked.
    func own(_ wish: Wish, in context: ServiceContext) async -> Answer {
        if let answer = await local(wish, in: context) { return answer }
        guard let name = wish.name, let cold else { return .missing }
        return await read(wish, name, cold, in: context)
    }

    // MARK: From this disk

    /// Nil for a blob that is not on this disk, or is wrong there.
    func local(_ wish: Wish, in context: ServiceContext) async -> Answer? {
        do throws(OCIError) {
            return try await here.response(
                wish.digest, to: wish.head, headers: wish.headers, in: context, takesBad: wish.takesBad
            ).map { .response($0) }
        } catch {
            return .refused(error)
        }
    }

    // MARK: From other origins

    /// - Returns: no answer if none of the origins gives the blob; and then an origin that did not say whether it has it.
    private func remote(
        _ wish: Wish, from hosts: [String], in context: ServiceContext
    ) async -> (answer: Answer?, silent: String?) {
        var busy: OCIError?
        var silent: String?
        for (index, host) in hosts.enumerated() {
            let forward = ForwardedRead(wish: wish, host: host, others: Array(hosts[(index + 1)...]), peers: peers)
            switch await forward.begin(query: "") {
            case .answer(let response): return (held(response, in: context), nil)
            case .other(429, _): busy = DirectReads.refusal
            case .other(404, _): continue
            case .other, .silent: silent = silent ?? host
            }
        }
        return (busy.map { Answer.refused($0) }, silent)
    }

    /// A forwarded response takes a place for as long as its bytes are sent, as one from this disk does.
    private func held(_ response: Response, in context: ServiceContext) -> Answer {
        guard let place = context.place(admission, at: .files) else {
            return .refused(OCIError(429, .tooManyRequests, RequestPlace.refusalText))
        }
        return .response(response.holding(place))
    }

    // MARK: From the back end

    private func fromBackEnd(_ wish: Wish, in context: ServiceContext) async -> Answer {
        guard let name = wish.name, let cold else { return .missing }
        let placement = watch.placement
        // One of the owners reads the blob from the back end, for all origins.
        for host in placement.takers(of: wish.digest) {
            if host == placement.own { return await read(wish, name, cold, in: context) }
            let forward = ForwardedRead(wish: wish, host: host, others: [], peers: peers)
            switch await forward.begin(query: "?name=\(name)&patience=\(Int(wish.patience))") {
            case .answer(let response): return held(response, in: context)
            case .other(404, _): return .missing
            case .other(let status, let body):
                // A response to HEAD has no body, so the progress is unknown.
                return .cold(ColdWire.answer(status: status, body) ?? .fetching(done: 0, total: nil))
            case .silent: continue
            }
        }
        return await read(wish, name, cold, in: context)
    }

    private func read(
        _ wish: Wish, _ name: ContentName, _ cold: ColdStore, in context: ServiceContext
    ) async -> Answer {
        do throws(OCIError) {
            let arriving = try await here.arriving(
                wish.digest, of: name, from: cold.reads, to: wish.head, headers: wish.headers, in: context)
            if let arriving { return .response(arriving) }
        } catch {
            return .refused(error)
        }
        let isHead = wish.head.method == .head
        let answer = await cold.reads.answer(
            for: wish.digest, of: name, wish: isHead ? .size : .content, patience: wish.patience)
        switch answer {
        case .here:
            await repair.mark(wish.digest)
            return await local(wish, in: context) ?? .missing
        case .missing: return .missing
        case .fetching(_, .some(let total)) where isHead:
            // The size is known already: a HEAD request need not wait for the content.
            var headers = wish.headers
            headers[.contentLength] = "\(total)"
            headers[.acceptRanges] = "bytes"
            return .response(Response(status: .ok, headers: headers))
        default: return .cold(answer)
        }
    }

    /// The size in bytes of a blob that an origin or the name's back end has; nil if none has it.
    func size(of digest: BlobDigest, in name: ContentName) async throws(OCIError) -> Int64? {
        if let entry = node.catalogue.touch(digest.sha256, at: Clocks.wallSeconds) { return entry.size }
        if let note = await note(of: digest) { return note.size }
        guard let cold else { return nil }
        do {
            return try await cold.reads.size(of: digest, in: name)
        } catch {
            throw ColdAnswers.error(.failed(error, again: 1), digest)
                ?? OCIError(503, .unavailable, error.description)
        }
    }
}
