import Fleet
import Identity
import JSON
import Text

/// What a host that has joined stores about the link, except its events.
package struct LinkRecord: Sendable {
    package let node: NodeID
    package var name: String
    package let key: HostKey
    package var certificate: HostCertificate
    package let authority: TrustedAuthority
    /// The controls named when the host joined. Used in addition to those that control has listed since.
    package let joined: [ControlAddress]
    /// The id of the token with which it joined.
    package let token: String
    /// The controls that control listed in its last answer.
    package var told: [ControlAddress]
    /// Number and random id of the request in progress, or of the last one.
    package var number: UInt64
    package var request: String
    /// The nonce of the last answer. The request in progress carries it.
    package var nonce: String
    /// Whether the request with `number` has been answered.
    package var isAnswered: Bool

    package init(
        node: NodeID, name: String, key: HostKey, certificate: HostCertificate, authority: TrustedAuthority,
        joined: [ControlAddress], token: String = "", told: [ControlAddress] = [], number: UInt64 = 0,
        request: String = "",
        nonce: String = "", isAnswered: Bool = true
    ) {
        self.node = node
        self.name = name
        self.key = key
        self.certificate = certificate
        self.authority = authority
        self.joined = joined
        self.token = token
        self.told = told
        self.number = number
        self.request = request
        self.nonce = nonce
        self.isAnswered = isAnswered
    }

    /// All known controls without duplicates.
    package var controls: [ControlAddress] {
        (told + joined).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// The contents of `link.json`, which changes with each request.
    var json: JSONValue {
        [
            "node": .string(node.description), "name": .string(name),
            "joined": .array(joined.map { .string($0.description) }), "token": .string(token),
            "controls": .array(told.map { .string($0.description) }),
            "number": .integer(Int64(clamping: number)), "request": .string(request), "nonce": .string(nonce),
            "answered": .bool(isAnswered),
        ]
    }

    init?(json: JSONValue, key: HostKey, certificate: HostCertificate, authority: TrustedAuthority) {
        guard let node = json["node"]?.stringValue.flatMap(NodeID.init), case .integer(let number)? = json["number"],
            number >= 0
        else { return nil }
        func addresses(_ key: String) -> [ControlAddress] {
            (json[key]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap { ControlAddress($0) } }
        }
        self.init(
            node: node, name: json["name"]?.stringValue ?? "", key: key, certificate: certificate,
            authority: authority, joined: addresses("joined"), token: json["token"]?.stringValue ?? "",
            told: addresses("controls"), number: UInt64(number),
            request: json["request"]?.stringValue ?? "", nonce: json["nonce"]?.stringValue ?? "",
            isAnswered: json["answered"] != false)
    }
}
