import Fleet
import Hashing
import JSON

extension ControlStore {
    package func nodes() async throws(StoreError) -> [NodeRecord] {
        try await engine.read { session throws(StoreError) in
            try session.query("SELECT id, name, state, doc, seen, revision, at FROM nodes ORDER BY id").compactMap(
                NodeRecord.init)
        }
    }

    package func node(_ id: NodeID) async throws(StoreError) -> NodeRecord? {
        try await engine.read { session throws(StoreError) in try Self.node(id, in: session) }
    }

    /// Changes a node's record.
    /// - Parameters:
    ///   - expecting: the revision that the record must have; nil for any.
    ///   - action: for the audit log; nil for changes reported by the node's own agent, which are not audited.
    ///   - body: makes the change, or returns why it is refused.
    package func change(
        _ id: NodeID, expecting: Int64? = nil, by act: Act, _ action: String?,
        _ body: @escaping @Sendable (inout NodeRecord) -> (code: String, text: String)?
    ) async throws(StoreError) -> ChangeOutcome<NodeRecord> {
        try await engine.write { session throws(StoreError) in
            try session.lock("node \(id)")
            guard var node = try Self.node(id, in: session) else { return .unknown }
            if let expecting, expecting != node.revision { return .stale(revision: node.revision) }
            let before = node
            if let refusal = body(&node) { return .refused(code: refusal.code, refusal.text) }
            if node.name != before.name {
                let others = try session.query("SELECT id FROM nodes WHERE name = $1", [.text(node.name)])
                guard others.allSatisfy({ $0.text(0) == id.description }) else { return .taken }
            }
            guard node != before else { return .done(node) }
            node.revision = try session.change("node", id.description, at: act.at)
            try Self.put(node, certificate: nil, in: session)
            if let action {
                try session.audit(
                    node.revision, act, action, id.description,
                    .object(["before": before.audited, "after": node.audited]))
            }
            return .done(node)
        }
    }

    /// Stores a node's new certificate, for the same key.
    package func renewed(_ id: NodeID, certificate: String) async throws(StoreError) {
        try await engine.write { session throws(StoreError) in
            try session.query(
                "UPDATE nodes SET certificate = $2 WHERE id = $1", [.text(id.description), .text(certificate)])
        }
    }

    package func remove(
        _ id: NodeID, expecting: Int64? = nil, by act: Act, _ action: String = "node.remove"
    ) async throws(StoreError) -> ChangeOutcome<NodeRecord> {
        try await engine.write { session throws(StoreError) in
            try session.lock("node \(id)")
            guard var node = try Self.node(id, in: session) else { return .unknown }
            if let expecting, expecting != node.revision { return .stale(revision: node.revision) }
            node.revision = try session.change("node", id.description, at: act.at, .object(["removed": true]))
            try session.query("DELETE FROM nodes WHERE id = $1", [.text(id.description)])
            try session.query("DELETE FROM sequences WHERE node = $1", [.text(id.description)])
            try session.audit(node.revision, act, action, id.description, .object(["before": node.audited]))
            return .done(node)
        }
    }

    /// Stores when nodes were last seen, and their sync sequences. Called from time to time for many nodes at once.
    package func seen(
        _ nodes: [(id: NodeID, at: Double, sequence: SyncSequence)], by control: String
    ) async throws(StoreError) {
        guard !nodes.isEmpty else { return }
        try await engine.write { session throws(StoreError) in
            for node in nodes.sorted(by: { $0.id < $1.id }) {
                try session.query(
                    "UPDATE nodes SET seen = $2 WHERE id = $1 AND seen < $2",
                    [.text(node.id.description), .time(node.at)])
                try session.query(
                    """
                    INSERT INTO sequences (node, number, nonce, requests, control, at) VALUES ($1, $2, $3, $4, $5, $6)
                    ON CONFLICT (node) DO UPDATE SET number = $2, nonce = $3, requests = $4, control = $5, at = $6
                    """,
                    [
                        .text(node.id.description), .int(Int64(clamping: node.sequence.last)),
                        .text(node.sequence.nonce),
                        .text(JSONValue.array(node.sequence.requests.suffix(4).map(JSONValue.string)).text),
                        .text(control), .time(node.at),
                    ])
            }
        }
    }

    /// A node's sync sequence, as a control server stored it last.
    package func sequence(of id: NodeID) async throws(StoreError) -> SyncSequence? {
        try await engine.read { session throws(StoreError) in
            let rows = try session.query(
                "SELECT number, nonce, requests FROM sequences WHERE node = $1", [.text(id.description)])
            guard let row = rows.first, let number = row.int(0), let nonce = row.text(1) else { return nil }
            return SyncSequence(
                last: UInt64(max(0, number)), nonce: nonce,
                requests: (row.json(2)?.arrayValue ?? []).compactMap(\.stringValue))
        }
    }

    // MARK: Rows

    static func node(_ id: NodeID, in session: any StoreSession) throws(StoreError) -> NodeRecord? {
        try session.query(
            "SELECT id, name, state, doc, seen, revision, at FROM nodes WHERE id = $1", [.text(id.description)]
        ).first.flatMap(NodeRecord.init)
    }

    static func put(_ node: NodeRecord, certificate: String?, in session: any StoreSession) throws(StoreError) {
        let shared: [StoreValue] = [
            .text(node.id.description), .text(node.name), .text(node.state.rawValue), .text(node.doc),
            .int(node.revision),
        ]
        guard let certificate else {
            try session.query(
                "UPDATE nodes SET name = $2, state = $3, doc = $4, revision = $5 WHERE id = $1", shared)
            return
        }
        try session.query(
            """
            INSERT INTO nodes (id, name, state, doc, revision, certificate, seen, at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (id) DO UPDATE SET name = $2, state = $3, doc = $4, revision = $5, certificate = $6, seen = $7
            """, shared + [.text(certificate), .time(node.seen), .time(node.joined)])
    }

    /// The name, or a similar one if another node has it.
    static func freeName(_ name: String, for id: NodeID, in session: any StoreSession) throws(StoreError) -> String {
        for candidate in [
            name, "\(name.prefix(58))-\(id.description.suffix(4))", "\(name.prefix(46))-\(id.description.suffix(16))",
        ] {
            let rows = try session.query("SELECT id FROM nodes WHERE name = $1", [.text(candidate)])
            if rows.allSatisfy({ $0.text(0) == id.description }) { return candidate }
        }
        return id.description
    }
}

extension NodeRecord {
    /// The properties of a node that people can change.
    fileprivate var audited: JSONValue {
        .object(["name": .string(name), "state": .string(state.rawValue), "labels": labels.json])
    }
}
