import Fleet
import Hashing
import Identity
import Text
import Threads

/// Joining a fleet with a token, at one of several control servers.
package enum LinkJoin {
    /// Joins. The token's secret is sent only after the server's authority has been checked against the token's PIN. A
    /// host that has joined before gets a new key, unless it joins with the same token: then it stays the same node.
    /// - Parameters:
    ///   - controls: tried in this order.
    ///   - clock: seconds since 1970.
    /// - Returns: the record, which has been saved already, and control's reply.
    package static func join(
        _ token: EnrolmentToken, at controls: [ControlAddress], facts: HostFacts, keeping memory: LinkMemory,
        proxy: HTTPURL? = nil, clock: @escaping @Sendable () -> Double = { Clocks.wallSeconds }
    ) async throws(LinkProblem) -> (record: LinkRecord, reply: JoinReply) {
        // The agent may be at work with what is kept: nothing of that is written then.
        let kept = try? await memory.load()
        let known = kept.flatMap { $0.token == token.id ? $0 : nil }
        let key: HostKey
        if let known { key = known.key } else { key = try await memory.keyToJoin() }
        let request: [UInt8]
        do throws(IdentityProblem) { request = try SigningRequest.make(key, named: facts.name) } catch {
            throw .local(error.description)
        }
        let transport = try LinkTransport(trust: .pin(token.pin), identity: nil, proxy: proxy, clock: clock)
        var last = LinkProblem.local("no control is named")
        for control in controls {
            do throws(LinkProblem) {
                let message = JoinRequest(
                    token: token.id, secret: token.secret, request: Base64.encode(request), facts: facts,
                    time: clock())
                let (answer, authority) = try await transport.exchange(
                    LinkCall(method: .POST, path: "/agent/v1/join", body: message.bytes), at: control)
                let reply: JoinReply = try LinkTransport.read(answer, of: control, most: 1 << 20)
                let record = try record(of: reply, key, authority, token, joined: controls, control)
                if let known, known.node == record.node {
                    await transport.shutdown()
                    return (known, reply)
                }
                try await memory.saveAll(record)
                // Events that happened under an older key are sent under the new key.
                try await EventQueue.open(memory).renumber()
                await transport.shutdown()
                return (record, reply)
            } catch {
                last = error
                // All controls share one database, so the others would refuse too.
                if case .refused(let refusal) = error, refusal.status < 500 { break }
                if case .local = error { break }
            }
        }
        await transport.shutdown()
        throw last
    }

    private static func record(
        of reply: JoinReply, _ key: HostKey, _ authority: TrustedAuthority, _ token: EnrolmentToken,
        joined: [ControlAddress], _ control: ControlAddress
    ) throws(LinkProblem) -> LinkRecord {
        let certificate = try certificate(of: reply, key, authority, control)
        return LinkRecord(
            node: reply.node, name: reply.name, key: key, certificate: certificate, authority: authority,
            joined: joined, token: token.id, told: reply.controls.compactMap { ControlAddress($0) })
    }

    /// The certificate in a reply, checked against the key, the node's id and the authority.
    static func certificate(
        of reply: JoinReply, _ key: HostKey, _ authority: TrustedAuthority, _ control: ControlAddress
    ) throws(LinkProblem) -> HostCertificate {
        do throws(IdentityProblem) {
            let certificate = try HostCertificate(pem: reply.certificate)
            guard certificate.publicKey.der == key.publicKey, certificate.subject == reply.node.description,
                authority.vouches(for: certificate)
            else { throw IdentityProblem("the certificate is not this host's") }
            return certificate
        } catch {
            throw .malformed(control.host, reason: error.description)
        }
    }
}
