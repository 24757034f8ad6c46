import Hashing
import JSON
import Text

/// `POST /agent/v1/join`: a host that has no certificate yet shows its token. The connection's certificate of control was held
/// against the token's PIN before this is sent.
///
/// Replies: 201 ``JoinReply``; 403 `token_unknown`, `token_revoked`, `token_expired`, `token_name`; 409 `token_used`; 422 where
/// the request cannot be used, or the clocks are more than 48 h apart (`clock`).
package struct JoinRequest: WireMessage {
    /// ID and SECRET of the token.
    package let token: String
    package let secret: Secret
    /// A signing request (PKCS #10, DER) of the host's P-256 key, in base 64.
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

/// What a host gets that joins, and what it gets when it renews (`POST /agent/v1/renew` with ``RenewRequest``).
package struct JoinReply: WireMessage {
    /// `active`, or `pending` until an admin says yes: no offers, but syncs.
    package let state: NodeState
    package let node: NodeID
    package let name: String
    /// PEM: the node's certificate, and control's authority.
    package let certificate: String
    package let authority: String
    /// Control's clock, in seconds since 1970.
    package let time: Double
    /// Addresses (`https://HOST:PORT`) of all controls' doors for agents.
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

/// `POST /agent/v1/renew`: over a connection with the node's certificate, which may have run out.
package struct RenewRequest: WireMessage {
    /// As of ``JoinRequest``, with the same key.
    package let request: String

    package init(request: String) { self.request = request }
    package init(_ reader: WireReader) throws(WireProblem) { request = try reader.text("request", most: 8192) }
    package var json: JSONValue { ["request": .string(request)] }
}

/// What control makes of a node.
package enum NodeState: String, Sendable, Hashable, CaseIterable {
    /// Joined, and waits until an admin says yes.
    case pending
    case active
    /// Takes no new jobs.
    case drained
    /// Two hosts have its key.
    case cloned
    case revoked
}
