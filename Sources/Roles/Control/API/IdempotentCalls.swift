import FleetStore
import HTTPServing
import HTTPTypes
import Hashing
import Hummingbird
import JSON
import Synchronization
import Text

/// Carries out calls with an `Idempotency-Key` only once. Owns the calls that this control is carrying out, and the ends of calls
/// that the database does not have yet; the others are in the database.
final class IdempotentCalls: Sendable {
    /// Most ends of calls that are remembered while the database does not take them.
    private static let mostUnended = 10_000

    /// Seconds after which another control has certainly ended a call, or has died in it.
    private static let longest = 120.0

    /// How many calls this control is looking at, by the digest of caller and key.
    private let underWay = Mutex<[String: Int]>([:])
    /// By the digest of caller and key: the status of the call, and the answer to store.
    private let unended = Mutex<[String: (status: Int, reply: String?)]>([:])

    /// Carries out a call. A POST with an `Idempotency-Key` is carried out only once.
    func once(_ call: APICall, _ body: ControlAPI.Call) async throws(APIProblem) -> APIReply {
        guard call.request.method == .post, let name = HTTPField.Name("Idempotency-Key"),
            let key = call.request.headers[name]
        else { return try await body(call) }
        guard (1...255).contains(key.utf8.count) else {
            throw APIProblem(400, "idempotency_key", "'Idempotency-Key' has 1 to 255 bytes")
        }
        let whole = SHA256.digest(Array("\(call.context.caller?.name ?? "")\u{0}\(key)".utf8)).hex
        let digest = SHA256.digest(Array("POST \(call.request.uri.path)\u{0}".utf8) + call.body)
        underWay.withLock { $0[whole, default: 0] += 1 }
        defer { underWay.withLock { $0[whole] = $0[whole].flatMap { $0 > 1 ? $0 - 1 : nil } } }
        // The end of an earlier call may have been lost with the database.
        if let (status, reply) = unended.withLock({ $0.removeValue(forKey: whole) }) {
            try await end(whole, status, reply, call)
        }
        var outcome = try await begin(whole, digest, call)
        if case .running(let since) = outcome, isLost(whole, since, call) {
            // It may have ended since then.
            let again = try await begin(whole, digest, call)
            guard again != outcome else {
                throw APIProblem(
                    409, "interrupted",
                    "the control that carried out the call with this Idempotency-Key ended in the middle of it",
                    advice: "see whether it took effect; then call again with another key")
            }
            outcome = again
        }
        switch outcome {
        case .first: break
        case .running:
            throw APIProblem(409, "running", "a call with this Idempotency-Key is being carried out", retryAfter: 1)
        case .other:
            throw APIProblem(422, "idempotency_key", "this Idempotency-Key came with another call before")
        case .answered(let status, let reply): return try answered(status, reply, call)
        }
        let commits = CommitCount()
        let result = await CommitCount.$current.withValue(commits) { () async -> Result<APIReply, APIProblem> in
            do throws(APIProblem) { return .success(try await body(call)) } catch { return .failure(error) }
        }
        let reply: APIReply
        do throws(APIProblem) { reply = try result.get() } catch {
            // A refused call has changed nothing, so it may be made again with the same key. One that broke off after
            // something was stored may have: whoever makes it again hears that it was interrupted.
            if error.status < 500 || commits.isZero { try await end(whole, error.status, nil, call) }
            throw error
        }
        try await end(whole, reply.status, try sealed(reply, call), call)
        return reply
    }

    private func begin(
        _ key: String, _ digest: SHA256Digest, _ call: APICall
    ) async throws(APIProblem) -> IdempotencyOutcome {
        try await call.stored { () throws(StoreError) in
            try await call.core.store.begin(key, digest, at: call.core.now())
        }
    }

    /// Whether nobody is carrying out a call any more that has not ended.
    private func isLost(_ key: String, _ since: Double, _ call: APICall) -> Bool {
        guard underWay.withLock({ $0[key] }) == 1 else { return false }
        return !call.core.store.engine.isShared || call.core.now() - since > Self.longest
    }

    /// Stores how a call ended, at once or as soon as it is made again.
    private func end(_ key: String, _ status: Int, _ reply: String?, _ call: APICall) async throws(APIProblem) {
        do throws(APIProblem) {
            try await call.stored { () throws(StoreError) in
                try await call.core.store.end(key, status: status, reply: reply)
            }
        } catch {
            unended.withLock { if $0.count < Self.mostUnended { $0[key] = (status, reply) } }
            throw error
        }
    }

    /// An answer in sealed form: it may contain secrets, which the database must not store in the clear.
    private func sealed(_ reply: APIReply, _ call: APICall) throws(APIProblem) -> String {
        let object = JSONValue.object([
            "json": reply.json, "revision": reply.revision.map(JSONValue.integer) ?? .null,
            "location": Documents.text(reply.location),
        ])
        do { return Base64.encode(try call.core.authority.seal(object.encode())) } catch { throw APIProblem(error) }
    }

    private func answered(_ status: Int, _ text: String, _ call: APICall) throws(APIProblem) -> APIReply {
        guard let sealed = Base64.decode(text), let bytes = try? call.core.authority.open(sealed),
            let object = try? JSONValue.parse(
                bytes, limits: JSONLimits(maxBytes: 16 << 20, maxDepth: 40, maxValues: 1 << 20))
        else { throw APIProblem(500, "damaged", "the answer that was kept cannot be read") }
        return APIReply(
            object["json"] ?? .null, status: status, revision: object["revision"]?.lenientInteger,
            location: object["location"]?.stringValue)
    }
}
