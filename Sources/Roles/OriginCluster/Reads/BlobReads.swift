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

/// Answers reads of any blob: from here, else from an origin that has it, else from the back end.
struct BlobReads: Sendable {
    let node: BlobNode
    let watch: ClusterWatch
    let peers: OriginPeers
    let cold: ColdStore?
    let repair: Repair
    let here: LocalReads
    let admission: Admission

    /// What is asked for, and how its asker is to be told what goes wrong.
    struct Wish: Sendable {
        let digest: BlobDigest
        let head: HTTPRequest
        /// What is said of the blob.
        let headers: HTTPFields
        /// To whose back end it is looked for; nil to leave back ends alone.
        let name: ContentName?
        /// Seconds to wait while it is read from its back end.
        var patience = ColdAnswers.patience
    }

    enum Answer: Sendable {
        case response(Response)
        /// It is at no origin, and in no back end.
        case missing
        /// It is being read from its back end, or that fails.
        case cold(ColdAnswer)
        case refused(OCIError)
    }

    func answer(_ wish: Wish, in context: ServiceContext) async -> Answer {
        if let answer = await local(wish, in: context) { return answer }
        if let answer = await remote(wish, from: watch.placement.sources(of: wish.digest), in: context) {
            return answer
        }
        return await fromBackEnd(wish, in: context)
    }

    /// For another origin: other origins are not asked.
    func own(_ wish: Wish, in context: ServiceContext) async -> Answer {
        if let answer = await local(wish, in: context) { return answer }
        guard let name = wish.name, let cold else { return .missing }
        return await read(wish, name, cold, in: context)
    }

    // MARK: Here

    /// Nil for a blob that is not here.
    func local(_ wish: Wish, in context: ServiceContext) async -> Answer? {
        do throws(OCIError) {
            return try await here.response(wish.digest, to: wish.head, headers: wish.headers, in: context)
                .map { .response($0) }
        } catch {
            return .refused(error)
        }
    }

    // MARK: At other origins

    /// Nil when none of them has it.
    private func remote(_ wish: Wish, from hosts: [String], in context: ServiceContext) async -> Answer? {
        var busy: OCIError?
        for (index, host) in hosts.enumerated() {
            let forward = ForwardedRead(wish: wish, host: host, others: Array(hosts[(index + 1)...]), peers: peers)
            switch await forward.begin(query: "") {
            case .answer(let response):
                guard let place = context.place(admission, at: .files) else {
                    return .refused(OCIError(429, .tooManyRequests, RequestPlace.refusalText))
                }
                return .response(response.holding(place))
            case .other(429, _): busy = DirectReads.refusal
            case .other, .silent: continue
            }
        }
        return busy.map { .refused($0) }
    }

    // MARK: In its back end

    private func fromBackEnd(_ wish: Wish, in context: ServiceContext) async -> Answer {
        guard let name = wish.name, let cold else { return .missing }
        let placement = watch.placement
        // One of the owners reads it for all.
        for host in placement.takers(of: wish.digest) {
            if host == placement.own { return await read(wish, name, cold, in: context) }
            let forward = ForwardedRead(wish: wish, host: host, others: [], peers: peers)
            switch await forward.begin(query: "?name=\(name)&patience=\(Int(wish.patience))") {
            case .answer(let response): return .response(response)
            case .other(404, _): return .missing
            case .other(let status, let body):
                // An answer to HEAD has no text.
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
            // Nothing is waited for to say how large it is.
            var headers = wish.headers
            headers[.contentLength] = "\(total)"
            headers[.acceptRanges] = "bytes"
            return .response(Response(status: .ok, headers: headers))
        default: return .cold(answer)
        }
    }

    /// The size of a blob that any origin has, or a back end; nil for one that none has.
    func size(of digest: BlobDigest, in name: ContentName) async throws(OCIError) -> Int64? {
        if let entry = node.catalogue.entry(of: digest.sha256) {
            node.catalogue.touch(digest.sha256, at: Clocks.wallSeconds)
            return entry.size
        }
        if let note = await note(of: digest) { return note.size }
        guard let cold else { return nil }
        do {
            return try await cold.reads.size(of: digest, in: name)
        } catch {
            throw ColdAnswers.error(.failed(error, again: 1), digest)
                ?? OCIError(503, .tooManyRequests, error.description)
        }
    }
}
