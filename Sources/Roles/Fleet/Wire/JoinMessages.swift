import Hashing
import JSON
import Text

/// `POST /agent/v1/join`: a host without a certificate joins with a token. Before it sends this, it has checked
/// control's certificate against the token's PIN.
///
/// Replies: 201 ``JoinReply``; 403 `token_unknown`, `token_revoked`, `token_expired`, `token_name`; 409 `token_used`;
/// 422 if the request is invalid, or if the clocks differ by more than 48 h (`clock`).
package struct JoinRequest: WireMessage {
    /// The ID of the token; `secret` is its SECRET.
    package let token: String
    package let secret: Secret
    /// A signing request (PKCS #10, DER) for the host's P-256 key, in base 64.
    package let request: String
    package let facts: HostFacts
    /// The host's clock, in seconds since 1970.
    package let time: Double

    package init(token: String, secret: Secret, request: String, facts: HostFacts, time: Double) {
        self.token = token
        self.secret = secret
        self.request = request
        self.facts = facts
        self.time = time
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        token = try reader.text("token", most: 64)
        secret = Secret(try reader.text("secret", most: 128))
        request = try reader.text("request", most: 8192)
        guard let facts: HostFacts = try reader.message("facts") else { throw WireProblem("facts", "is missing") }
        self.facts = facts
        time = try reader.number("time")
    }

    package var json: JSONValue {
        [
            "token": .string(token), "secret": .string(secret.value), "request": .string(request), "facts": facts.json,
            "time": .double(time),
        ]
    }
}

/// The reply to a host that joins, or that renews its certificate (`POST /agent/v1/renew` with ``RenewRequest``).
package struct JoinReply: WireMessage {
    /// `active`, or `pending` until an admin approves the node. A pending node syncs, but gets no offers.
    package let state: NodeState
    package let node: NodeID
    package let name: String
    /// PEM: the node's certificate, and the certificate of control's authority.
    package let certificate: String
    package let authority: String
    /// Control's clock, in seconds since 1970.
    package let time: Double
    /// URLs (`https://HOST:PORT`) of all control servers, for agents.
    package let controls: [String]

    package init(
        state: NodeState, node: NodeID, name: String, certificate: String, authority: String, time: Double,
        controls: [String]
    ) {
        self.state = state
        self.node = node
        self.name = name
        self.certificate = certificate
        self.authority = authority
        self.time = time
        self.controls = controls
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        state = try reader.choice("state")
        guard let node = NodeID(try reader.text("node")) else { throw WireProblem("node", "is no id of a node") }
        self.node = node
        name = try reader.text("name")
        certificate = try reader.text("certificate", most: 16_384)
        authority = try reader.text("authority", most: 16_384)
        time = try reader.number("time")
        controls = try reader.texts("controls", most: 64)
    }

    package var json: JSONValue {
        var object = JSONObject([
            "state": .string(state.rawValue), "node": .string(node.description), "name": .string(name),
            "certificate": .string(certificate), "authority": .string(authority), "time": .double(time),
        ])
        object.put("controls", texts: controls)
        return .object(object)
    }
}

/// `POST /agent/v1/renew`: over a connection with the node's certificate, which may have expired.
package struct RenewRequest: WireMessage {
    /// A signing request as in ``JoinRequest``, for the same key.
    package let request: String

    package init(request: String) { self.request = request }
    package init(_ reader: WireReader) throws(WireProblem) { request = try reader.text("request", most: 8192) }
    package var json: JSONValue { ["request": .string(request)] }
}

/// A node's membership in the fleet.
package enum NodeState: String, Sendable, Hashable, CaseIterable {
    /// The node has joined, and waits for an admin's approval.
    case pending
    case active
    /// The node takes no new jobs.
    case drained
    /// Two hosts use the node's key.
    case cloned
    case revoked
}
