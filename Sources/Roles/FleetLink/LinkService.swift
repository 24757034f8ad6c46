import Address
import Fleet
import Text

/// What stands behind control's door for agents. The door has read and checked the message, and knows whose key asks.
package protocol LinkService: Sendable {
    /// A host joins with a token.
    /// - Parameters:
    ///   - publicKey: of its signing request, whose signature holds (SubjectPublicKeyInfo, DER).
    ///   - address: of its connection.
    func join(
        _ request: JoinRequest, publicKey: [UInt8], from address: PeerAddress
    ) async throws(LinkRefusal) -> JoinReply
    /// A node wants a new certificate for the key that it has shown.
    func renew(_ node: LinkCaller, publicKey: [UInt8]) async throws(LinkRefusal) -> JoinReply
    /// Whether control answers this key: asked before every call but `join` and `renew`.
    func admits(_ node: LinkCaller) async throws(LinkRefusal)
    /// A node has one long request at a time: a later one ends the wait of an earlier one, which is answered with nothing new. An
    /// agent sends its number again, with the same request id, when something happens while it waits.
    func sync(_ request: SyncRequest, of node: LinkCaller) async throws(LinkRefusal) -> SyncReply

    /// - Parameter dryRun: nothing is made.
    func plan(_ order: SendOrder, dryRun: Bool, by node: LinkCaller) async throws(LinkRefusal) -> SendPlan
    func key(for job: String, _ request: KeyRequest, by node: LinkCaller) async throws(LinkRefusal) -> KeyReply
    func start(_ job: String, _ request: StartRequest, by node: LinkCaller) async throws(LinkRefusal) -> StartReply
    /// The sender could not hash or publish the content.
    func abandon(_ job: String, reason: String, by node: LinkCaller) async throws(LinkRefusal)
    /// - Parameter torrent: a torrent file whose info hashes are the job's.
    func keep(metainfo torrent: [UInt8], of job: String, by node: LinkCaller) async throws(LinkRefusal)
    func metainfo(of job: String, for node: LinkCaller) async throws(LinkRefusal) -> [UInt8]
    /// URLs of a job's bucket that its sender has signed.
    func keep(grant: SourceGrant, of job: String, by node: LinkCaller) async throws(LinkRefusal)
    func grant(of job: String, for node: LinkCaller) async throws(LinkRefusal) -> SourceGrant
    /// SHA-1 of a job's files.
    func keep(digests: FileDigests, of job: String, by node: LinkCaller) async throws(LinkRefusal)
    func digests(of job: String, for node: LinkCaller) async throws(LinkRefusal) -> FileDigests
    func view(of job: String, for node: LinkCaller) async throws(LinkRefusal) -> JobView
    func announce(_ request: AnnounceRequest, by node: LinkCaller) async throws(LinkRefusal) -> AnnounceReply
    /// What a tracker of the fleet serves.
    func swarms(for node: LinkCaller) async throws(LinkRefusal) -> SwarmList
}

extension LinkService {
    package func keep(digests: FileDigests, of job: String, by node: LinkCaller) async throws(LinkRefusal) {
        throw LinkRefusal(404, "no_path", "this control keeps no digests")
    }

    package func digests(of job: String, for node: LinkCaller) async throws(LinkRefusal) -> FileDigests {
        throw LinkRefusal(404, "no_path", "this control keeps no digests")
    }

    package func keep(grant: SourceGrant, of job: String, by node: LinkCaller) async throws(LinkRefusal) {
        throw LinkRefusal(404, "no_path", "this control keeps no URLs of sources")
    }

    package func grant(of job: String, for node: LinkCaller) async throws(LinkRefusal) -> SourceGrant {
        throw LinkRefusal(404, "no_path", "this control keeps no URLs of sources")
    }

    package func swarms(for node: LinkCaller) async throws(LinkRefusal) -> SwarmList {
        throw LinkRefusal(404, "no_path", "this control lists no swarms")
    }
}

/// Who asks, by the certificate of the connection.
package struct LinkCaller: Sendable, Hashable {
    /// The id in the certificate: that of the node's first key.
    package let node: NodeID
    /// The key that the connection has shown (SubjectPublicKeyInfo, DER).
    package let publicKey: [UInt8]
    package let address: PeerAddress

    package init(node: NodeID, publicKey: [UInt8], address: PeerAddress) {
        self.node = node
        self.publicKey = publicKey
        self.address = address
    }
}

/// Why a call of the link is refused, as RFC 9457 says it.
package struct LinkRefusal: Error, Sendable, Hashable {
    /// Of HTTP.
    package let status: Int
    /// For programs: `token_used`, `revoked`, `replayed`.
    package let code: String
    /// For a person.
    package let text: String
    package let advice: String?
    /// Seconds.
    package let retryAfter: Int?

    package init(_ status: Int, _ code: String, _ text: String, advice: String? = nil, retryAfter: Int? = nil) {
        self.status = status
        self.code = code
        self.text = text
        self.advice = advice
        self.retryAfter = retryAfter
    }

    package static let revoked = LinkRefusal(
        403, "revoked", "this host was removed from the fleet", advice: "join again with a new token")
    package static let replayed = LinkRefusal(409, "replayed", "a request with this number was answered already")
    package static let cloned = LinkRefusal(
        409, "cloned", "two hosts have this host's key", advice: "tell one of them to join anew: swoop agent join")
    /// Its certificate, that is. Renewing is answered all the same.
    package static let expired = LinkRefusal(
        403, "expired", "this host's certificate has run out", advice: "renew it: the agent does so by itself")
    package static let unavailable = LinkRefusal(
        503, "no_database", "control does not reach its database", retryAfter: 5)
}
