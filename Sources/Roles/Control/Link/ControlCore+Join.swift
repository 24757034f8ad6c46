import Address
import Fleet
import FleetLink
import FleetStore
import Hashing

extension ControlCore {
    package func join(
        _ request: JoinRequest, publicKey: [UInt8], from address: PeerAddress
    ) async throws(LinkRefusal) -> JoinReply {
        guard isReady else { throw .unavailable }
        let now = now()
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
        let outcome = try await linked { () throws(StoreError) in
            try await store.join(
                token: request.token, secret: request.secret, node, certificate: certificate, at: now)
        }
        switch outcome {
        case .joined(let node):
            roster.withLock { roster in
                roster.put(node)
                // A host that joins with a new key starts its sequence at 1.
                roster.change(node.id) { $0.sequence = SyncSequence() }
            }
            return reply(to: node, certificate: certificate, at: now)
        case .again(let node, let certificate): return reply(to: node, certificate: certificate, at: now)
        case .revoked: throw .revoked
        case .refused(let refusal):
            throw LinkRefusal(refusal == .used ? 409 : 403, refusal.code, refusal.text)
        }
    }

    package func renew(_ node: LinkCaller, publicKey: [UInt8]) async throws(LinkRefusal) -> JoinReply {
        try await admits(node)
        let now = now()
        guard let seat = roster.withLock({ $0[node.node] }) else { throw .revoked }
        guard publicKey == node.publicKey else {
            throw LinkRefusal(422, "other_key", "the request is for another key than that of the connection")
        }
        guard now - max(seat.heard, seat.record.seen) <= settings.awayMost else {
            throw LinkRefusal(
                403, "away_too_long", "the host was away for more than \(Int(settings.awayMost / 86_400)) days",
                advice: "join again with a new token")
        }
        let certificate = try authority.certificate(of: node.node, publicKey: publicKey, at: now)
        try await linked { () throws(StoreError) in try await store.renewed(node.node, certificate: certificate) }
        return reply(to: seat.record, certificate: certificate, at: now)
    }

    package func admits(_ node: LinkCaller) async throws(LinkRefusal) {
        guard isReady else { throw .unavailable }
        if roster.withLock({ $0[node.node] }) == nil {
            // The node may have just joined at another control.
            let known = try await linked { () throws(StoreError) in try await store.node(node.node) }
            guard let known else { throw .revoked }
            roster.withLock { $0.put(known) }
        }
        guard let record = roster.withLock({ $0[node.node]?.record }), record.state != .revoked,
            record.key == SHA256.digest(node.publicKey)
        else { throw .revoked }
    }

    private func reply(to node: NodeRecord, certificate: String, at now: Double) -> JoinReply {
        JoinReply(
            state: node.state, node: node.id, name: node.name, certificate: certificate,
            authority: authority.certificate, time: now, controls: doors)
    }
}
