import Address
import Fleet
import FleetLink
import FleetStore
import Hashing

/// Lets hosts into the fleet and keeps out those that are no part of it: joining with a token, new certificates, and
/// the check of each caller's key. Owns nothing: tokens and keys are in the database, and the nodes in ``Nodes``.
struct NodeAdmission: Sendable {
    let database: ControlDatabase
    let authority: any FleetAuthority
    let nodes: Nodes
    let cluster: ControlCluster
    /// Seconds without a sync after which a node's certificate is not renewed.
    let awayMost: Double

    func join(
        _ request: JoinRequest, publicKey: [UInt8], from address: PeerAddress
    ) async throws(LinkRefusal) -> JoinReply {
        guard database.isReady else { throw .unavailable }
        let now = database.now()
        guard abs(request.time - now) <= ClockDifference.most else {
            throw LinkRefusal(
                422, "clock",
                "the clocks are more than 48 h apart: the host has \(Timestamp.text(request.time)), control \(Timestamp.text(now))",
                advice: "set the host's clock, then join again")
        }
        let id = NodeID(publicKey: publicKey)
        let certificate = try authority.certificate(of: id, publicKey: publicKey, at: now)
        let node = NodeRecord(
            id: id, name: request.facts.name, state: .active, publicKey: publicKey, facts: request.facts,
            address: address.host, joined: now)
        let outcome = try await database.linked { () throws(StoreError) in
            try await database.store.join(
                token: request.token, secret: request.secret, node, certificate: certificate, at: now)
        }
        switch outcome {
        case .joined(let node):
            nodes.join(node)
            return reply(to: node, certificate: certificate, at: now)
        case .again(let node, let certificate): return reply(to: node, certificate: certificate, at: now)
        case .revoked: throw .revoked
        case .refused(let refusal):
            throw LinkRefusal(refusal == .used ? 409 : 403, refusal.code, refusal.text)
        }
    }

    func renew(_ node: LinkCaller, publicKey: [UInt8]) async throws(LinkRefusal) -> JoinReply {
        try await admits(node)
        let now = database.now()
        guard let seat = nodes[node.node] else { throw .revoked }
        guard publicKey == node.publicKey else {
            throw LinkRefusal(422, "other_key", "the request is for another key than that of the connection")
        }
        guard now - max(seat.heard, seat.record.seen) <= awayMost else {
            throw LinkRefusal(
                403, "away_too_long", "the host was away for more than \(Int(awayMost / 86_400)) days",
                advice: "join again with a new token")
        }
        let certificate = try authority.certificate(of: node.node, publicKey: publicKey, at: now)
        try await database.linked { () throws(StoreError) in
            try await database.store.renewed(node.node, certificate: certificate)
        }
        return reply(to: seat.record, certificate: certificate, at: now)
    }

    func admits(_ node: LinkCaller) async throws(LinkRefusal) {
        guard database.isReady else { throw .unavailable }
        if nodes.state(of: node.node) == nil {
            // The node may have just joined at another control.
            let known = try await database.linked { () throws(StoreError) in try await database.store.node(node.node) }
            guard let known else { throw .revoked }
            nodes.put(known)
        }
        guard let record = nodes.record(of: node.node), record.state != .revoked,
            record.key == SHA256.digest(node.publicKey)
        else { throw .revoked }
    }

    /// The node of a caller, if it may order something: it was admitted, and its key is that of one host.
    func active(_ node: LinkCaller) throws(LinkRefusal) -> NodeRecord {
        guard let record = nodes.record(of: node.node) else { throw .revoked }
        switch record.state {
        case .active, .drained: return record
        case .pending:
            throw LinkRefusal(
                403, "pending", "an admin has not admitted this host yet",
                advice: "swoop fleet node approve \(record.name)")
        case .cloned: throw .cloned
        case .revoked: throw .revoked
        }
    }

    private func reply(to node: NodeRecord, certificate: String, at now: Double) -> JoinReply {
        JoinReply(
            state: node.state, node: node.id, name: node.name, certificate: certificate,
            authority: authority.certificate, time: now, controls: cluster.doors)
    }
}
