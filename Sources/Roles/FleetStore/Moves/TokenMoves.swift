import Fleet
import Hashing
import JSON
import Text

/// The result of a join request.
package enum JoinOutcome: Sendable {
    case joined(NodeRecord)
    /// The same key has joined with this token before.
    case again(NodeRecord, certificate: String)
    case refused(EnrolmentRefusal)
    /// The node was revoked.
    case revoked
}

extension ControlStore {
    package func add(_ token: TokenRecord, by act: Act) async throws(StoreError) -> TokenRecord {
        try await engine.write { session throws(StoreError) in
            var token = token
            token.revision = try session.change("token", token.grant.id, at: act.at)
            try Self.put(token, in: session)
            try session.audit(token.revision, act, "token.create", token.grant.id, token.audited)
            return token
        }
    }

    package func token(_ id: String) async throws(StoreError) -> TokenRecord? {
        try await engine.read { session throws(StoreError) in
            guard let token = try Self.token(id, in: session) else { return nil }
            return try Self.withUsers([token], in: session).first
        }
    }

    package func tokens(after: String?, limit: Int) async throws(StoreError) -> [TokenRecord] {
        try await engine.read { session throws(StoreError) in
            let tokens = try session.query(
                "SELECT id, doc, expires, revision, at FROM tokens WHERE id > $1 ORDER BY id LIMIT $2",
                [.text(after ?? ""), .int(limit)]
            ).compactMap(TokenRecord.init)
            return try Self.withUsers(tokens, in: session)
        }
    }

    package func revokeToken(
        _ id: String, expecting: Int64?, by act: Act
    ) async throws(StoreError) -> ChangeOutcome<TokenRecord> {
        try await engine.write { session throws(StoreError) in
            try session.lock("token \(id)")
            guard var token = try Self.token(id, in: session) else { return .unknown }
            if let expecting, expecting != token.revision { return .stale(revision: token.revision) }
            token.grant.isRevoked = true
            token.revision = try session.change("token", id, at: act.at)
            try Self.put(token, in: session)
            try session.audit(token.revision, act, "token.revoke", id)
            return .done(try Self.withUsers([token], in: session).first ?? token)
        }
    }

    /// Adds a node. The use of its token and the storage of its certificate are one transaction.
    /// - Parameters:
    ///   - node: the new record. If another node has its name, it gets a similar one.
    ///   - certificate: PEM, issued for the node's key.
    package func join(
        token id: String, secret: Secret, _ node: NodeRecord, certificate: String, at now: Double
    ) async throws(StoreError) -> JoinOutcome {
        try await engine.write { session throws(StoreError) in
            try session.lock("token \(id)")
            let act = Act(who: "node:\(node.id)", address: node.address, at: now)
            guard var token = try Self.token(id, in: session) else {
                try Self.refused(id, .unknown, act, in: session)
                return .refused(.unknown)
            }
            let known = try Self.node(node.id, in: session)
            let uses = try session.query(
                "SELECT at FROM token_uses WHERE token = $1 AND node = $2", [.text(id), .text(node.id.description)])
            let hasUsed = !uses.isEmpty || token.earlier.contains(node.id)
            let outcome: EnrolmentGrant.Outcome
            do throws(EnrolmentRefusal) {
                outcome = try token.grant.use(
                    secret: secret, isAgain: known?.key == node.key && hasUsed, named: node.facts.name, at: now)
            } catch {
                try Self.refused(id, error, act, in: session)
                return .refused(error)
            }
            if known?.state == .revoked { return .revoked }
            if outcome == .again, let known {
                let rows = try session.query(
                    "SELECT certificate FROM nodes WHERE id = $1", [.text(node.id.description)])
                return .again(known, certificate: rows.first?.text(0) ?? certificate)
            }
            var node = node
            node.labels = token.grant.labels
            node.token = id
            node.isEphemeral = token.grant.isEphemeral
            node.state = token.grant.needsApproval ? .pending : .active
            node.pendingUntil = token.grant.needsApproval ? now + 86_400 : nil
            node.name = try Self.freeName(token.grant.name ?? node.facts.name, for: node.id, in: session)
            token.revision = try session.change("node", node.id.description, at: now)
            node.revision = token.revision
            try Self.put(token, in: session)
            try session.query(
                """
                INSERT INTO token_uses (token, node, at) VALUES ($1, $2, $3)
                ON CONFLICT (token, node) DO UPDATE SET at = $3
                """, [.text(id), .text(node.id.description), .time(now)])
            try Self.put(node, certificate: certificate, in: session)
            try session.audit(
                node.revision, act, "node.join", node.id.description,
                .object(["name": .string(node.name), "token": .string(id), "state": .string(node.state.rawValue)]))
            return .joined(node)
        }
    }

    private static func refused(
        _ id: String, _ refusal: EnrolmentRefusal, _ act: Act, in session: any StoreSession
    ) throws(StoreError) {
        let doc = JSONValue.object(["code": .string(refusal.code), "address": .string(act.address)])
        let number = try session.change(
            "notice", id, at: act.at, .object(["action": "token.refused", "doc": doc]))
        try session.audit(number, act, "token.refused", id, doc)
    }

    static func token(_ id: String, in session: any StoreSession) throws(StoreError) -> TokenRecord? {
        try session.query("SELECT id, doc, expires, revision, at FROM tokens WHERE id = $1", [.text(id)]).first
            .flatMap(TokenRecord.init)
    }

    /// - Parameter tokens: in the order of their ids.
    private static func withUsers(
        _ tokens: [TokenRecord], in session: any StoreSession
    ) throws(StoreError) -> [TokenRecord] {
        guard let first = tokens.first, let last = tokens.last else { return [] }
        let rows = try session.query(
            """
            SELECT token, node FROM (
                SELECT token, node, ROW_NUMBER() OVER (PARTITION BY token ORDER BY at, node) AS place
                FROM token_uses WHERE token >= $1 AND token <= $2
            ) AS uses WHERE place <= $3 ORDER BY token, place
            """, [.text(first.grant.id), .text(last.grant.id), .int(TokenRecord.mostUsers)])
        var users: [String: [NodeID]] = [:]
        for row in rows {
            guard let token = row.text(0), let node = row.text(1).flatMap(NodeID.init) else { continue }
            users[token, default: []].append(node)
        }
        return tokens.map { token in
            var token = token
            let own = users[token.grant.id] ?? []
            token.users = Array(
                (token.earlier + own.filter { !token.earlier.contains($0) }).prefix(TokenRecord.mostUsers))
            return token
        }
    }

    private static func put(_ token: TokenRecord, in session: any StoreSession) throws(StoreError) {
        try session.query(
            """
            INSERT INTO tokens (id, doc, expires, revision, at) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (id) DO UPDATE SET doc = $2, expires = $3, revision = $4
            """,
            [
                .text(token.grant.id), .text(token.doc), .time(token.grant.expires), .int(token.revision),
                .time(token.made),
            ])
    }
}

extension TokenRecord {
    /// The token without the hash of its secret.
    fileprivate var audited: JSONValue {
        .object([
            "uses": .integer(Int64(grant.uses)), "expires": .double(grant.expires),
            "name": grant.name.map(JSONValue.string) ?? .null, "labels": grant.labels.json,
            "approve": .bool(grant.needsApproval), "ephemeral": .bool(grant.isEphemeral),
        ])
    }
}
