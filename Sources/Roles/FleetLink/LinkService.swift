import Address
import Fleet
import Text

/// The calls of agents, as control implements them. The server has parsed and checked each message, and has identified
/// the node by the certificate of its connection.
package protocol LinkService: Sendable {
    /// A host joins with a token.
    /// - Parameters:
    ///   - publicKey: the key of its signing request, whose signature has been checked (SubjectPublicKeyInfo, DER).
    ///   - address: the remote address of its connection.
    func join(
        _ request: JoinRequest, publicKey: [UInt8], from address: PeerAddress
    ) async throws(LinkRefusal) -> JoinReply
    /// A node asks for a new certificate for its current key.
    func renew(_ node: LinkCaller, publicKey: [UInt8]) async throws(LinkRefusal) -> JoinReply
    /// Throws if control does not accept this key any more. Called before every call other than `join` and `renew`.
    func admits(_ node: LinkCaller) async throws(LinkRefusal)
    /// A sync. Only one request of a node may wait for commands: a later one ends the wait of an earlier one, which is
    /// then answered without commands. An agent sends the same number again, with the same request id, when an event
    /// happens while its request waits.
    func sync(_ request: SyncRequest, of node: LinkCaller) async throws(LinkRefusal) -> SyncReply

    /// - Parameter dryRun: only check the order, and create no job.
    func plan(_ order: SendOrder, dryRun: Bool, by node: LinkCaller) async throws(LinkRefusal) -> SendPlan
    func key(for job: String, _ request: KeyRequest, by node: LinkCaller) async throws(LinkRefusal) -> KeyReply
    func start(_ job: String, _ request: StartRequest, by node: LinkCaller) async throws(LinkRefusal) -> StartReply
    /// The sender cannot hash or publish the content.
    func abandon(_ job: String, reason: String, by node: LinkCaller) async throws(LinkRefusal)
    /// - Parameter torrent: a torrent file with the info hashes of the job.
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
    /// The swarms that a tracker of the fleet should serve.
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

/// The node that makes a call, identified by the certificate of its connection.
package struct LinkCaller: Sendable, Hashable {
    /// The id in the certificate, which is derived from the node's first key.
    package let node: NodeID
    /// The public key in the certificate (SubjectPublicKeyInfo, DER).
    package let publicKey: [UInt8]
    package let address: PeerAddress

    package init(node: NodeID, publicKey: [UInt8], address: PeerAddress) {
        self.node = node
        self.publicKey = publicKey
        self.address = address
    }
}

/// An error answer to an agent, in the form of RFC 9457.
package struct LinkRefusal: Error, Sendable, Hashable {
    /// The HTTP status code.
    package let status: Int
    /// A code for programs: `token_used`, `revoked`, `replayed`.
    package let code: String
    /// The description for people.
    package let text: String
    package let advice: String?
    /// Seconds after which the agent may try again (`Retry-After`).
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
    /// The certificate has expired. A request to renew it is answered nevertheless.
    package static let expired = LinkRefusal(
        403, "expired", "this host's certificate has run out", advice: "renew it: the agent does so by itself")
    package static let unavailable = LinkRefusal(
        503, "no_database", "control does not reach its database", retryAfter: 5)
}
