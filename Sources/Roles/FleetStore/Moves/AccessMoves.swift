import Hashing
import JSON

/// The state of an API call with an `Idempotency-Key`.
package enum IdempotencyOutcome: Sendable, Hashable {
    /// The first call with this key. The caller carries it out and then calls ``ControlStore/end(_:status:reply:)``.
    case first
    /// An earlier call with this key has not ended, and may never: who carried it out may be gone.
    /// - Parameter since: seconds since 1970.
    case running(since: Double)
    case answered(status: Int, reply: String)
    /// An earlier call with this key had another method, path or body.
    case other
}

extension ControlStore {
    package func add(_ token: APITokenRecord, by act: Act) async throws(StoreError) -> ChangeOutcome<APITokenRecord> {
        try await engine.write { session throws(StoreError) in
            guard try session.query("SELECT id FROM api_tokens WHERE name = $1", [.text(token.name)]).isEmpty else {
                return .taken
            }
            var token = token
            token.revision = try session.change("api-token", token.id, at: act.at)
            try session.query(
                """
                INSERT INTO api_tokens (id, name, digest, doc, expires, seen, revision, at)
                VALUES ($1, $2, $3, $4, $5, NULL, $6, $7)
                """,
                [
                    .text(token.id), .text(token.name), .bytes(token.digest.bytes), .text(token.doc),
                    .time(token.expires), .int(token.revision), .time(token.made),
                ])
            try session.audit(
                token.revision, act, "api-token.create", token.id,
                .object([
                    "name": .string(token.name), "role": .string(token.role), "expires": .double(token.expires),
                    "classes": .array(token.classes.map(JSONValue.string)),
                ]))
            return .done(token)
        }
    }

    package func apiTokens() async throws(StoreError) -> [APITokenRecord] {
        try await engine.read { session throws(StoreError) in
            try session.query(
                "SELECT id, name, digest, doc, expires, seen, revision, at FROM api_tokens ORDER BY id"
            ).compactMap(APITokenRecord.init)
        }
    }

    package func removeAPIToken(
        _ id: String, expecting: Int64?, by act: Act
    ) async throws(StoreError) -> ChangeOutcome<APITokenRecord> {
        try await engine.write { session throws(StoreError) in
            guard
                let token = try session.query(
                    "SELECT id, name, digest, doc, expires, seen, revision, at FROM api_tokens WHERE id = $1",
                    [.text(id)]
                ).first.flatMap(APITokenRecord.init)
            else { return .unknown }
            if let expecting, expecting != token.revision { return .stale(revision: token.revision) }
            let number = try session.change("api-token", id, at: act.at, .object(["removed": true]))
            try session.query("DELETE FROM api_tokens WHERE id = $1", [.text(id)])
            try session.audit(number, act, "api-token.remove", id, .object(["name": .string(token.name)]))
            return .done(token)
        }
    }

    /// Stores when API tokens were last used. Seconds since 1970, by the tokens' ids.
    package func seen(apiTokens: [String: Double]) async throws(StoreError) {
        guard !apiTokens.isEmpty else { return }
        try await engine.write { session throws(StoreError) in
            for (id, at) in apiTokens.sorted(by: { $0.key < $1.key }) {
                try session.query("UPDATE api_tokens SET seen = $2 WHERE id = $1", [.text(id), .time(at)])
            }
        }
    }

    // MARK: Idempotency of API calls

    /// Registers a call. A key is remembered for a day.
    /// - Parameters:
    ///   - key: identifies the caller and the call.
    ///   - digest: of method, path and body.
    package func begin(
        _ key: String, _ digest: SHA256Digest, at now: Double
    ) async throws(StoreError) -> IdempotencyOutcome {
        try await engine.write { session throws(StoreError) in
            try session.lock("call \(key)")
            if let row = try session.query(
                "SELECT digest, status, reply, at FROM idempotency WHERE key = $1 AND at > $2",
                [.text(key), .time(now - 86_400)]
            ).first {
                guard row.bytes(0) == digest.bytes else { return .other }
                guard let status = row.int(1), let reply = row.text(2) else {
                    return .running(since: row.time(3) ?? now)
                }
                return .answered(status: Int(clamping: status), reply: reply)
            }
            try session.query(
                """
                INSERT INTO idempotency (key, digest, status, reply, at) VALUES ($1, $2, NULL, NULL, $3)
                ON CONFLICT (key) DO UPDATE SET digest = $2, status = NULL, reply = NULL, at = $3
                """, [.text(key), .bytes(digest.bytes), .time(now)])
            return .first
        }
    }

    /// - Parameter reply: the answer to store; nil if the call had no effect and may be made again.
    package func end(_ key: String, status: Int, reply: String?) async throws(StoreError) {
        try await engine.write { session throws(StoreError) in
            guard let reply else {
                try session.query("DELETE FROM idempotency WHERE key = $1", [.text(key)])
                return
            }
            try session.query(
                "UPDATE idempotency SET status = $2, reply = $3 WHERE key = $1",
                [.text(key), .int(status), .text(reply)])
        }
    }

    // MARK: Authority

    /// The certificate authority: its sealed private key and its certificate.
    package struct SealedAuthority: Sendable, Hashable {
        package let key: [UInt8]
        /// PEM.
        package let certificate: String

        package init(key: [UInt8], certificate: String) {
            self.key = key
            self.certificate = certificate
        }
    }

    package func authority() async throws(StoreError) -> SealedAuthority? {
        try await engine.read { session throws(StoreError) in try Self.authority(in: session) }
    }

    /// Stores the authority, unless there is one already.
    /// - Returns: the stored authority, which another control server may have created.
    package func put(_ authority: SealedAuthority) async throws(StoreError) -> SealedAuthority {
        try await engine.write { session throws(StoreError) in
            try session.lock("authority")
            if let known = try Self.authority(in: session) { return known }
            try session.query(
                "INSERT INTO authority (id, sealed, certificate) VALUES (1, $1, $2)",
                [.bytes(authority.key), .text(authority.certificate)])
            return authority
        }
    }

    private static func authority(in session: any StoreSession) throws(StoreError) -> SealedAuthority? {
        guard let row = try session.query("SELECT sealed, certificate FROM authority WHERE id = 1").first,
            let key = row.bytes(0), let certificate = row.text(1)
        else { return nil }
        return SealedAuthority(key: key, certificate: certificate)
    }
}
