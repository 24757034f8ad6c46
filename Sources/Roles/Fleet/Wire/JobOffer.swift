import Address
import JSON
import Text

/// A job as a target hears of it: at most 4 KiB. The metainfo comes from peers (BEP 9), and from control
/// (`GET /agent/v1/jobs/ID/metainfo`) where none gives it within 5 s.
package struct JobOffer: WireMessage {
    package static let mostPeers = 50
    /// Bytes of an offer as JSON.
    package static let most = 4096

    package let content: JobContent
    /// Of the content's file or directory, as the sender names it.
    package let name: String
    package let className: String
    package let classVersion: Int64
    /// What of the class concerns a target, as the class has it: `dest`, `publish`, `keep`, `hook`, `limits`, `windows`, `p2p`,
    /// `sendfile`, `seedinwindow`, `timeout`, `seedtime`, `check`, `verify`, `sources`.
    package let terms: JSONValue
    /// Keeps the content for others and publishes nothing.
    package let isCache: Bool
    /// 32 bytes, hexadecimal: what peers of the job know each other by; nil for `isolation: open`.
    package let secret: Secret?
    /// What this target shows at trackers.
    package let ticket: Secret?
    /// Addresses of trackers that are no controls.
    package let trackers: [String]
    package let peers: [PeerAddress]
    /// Seconds since 1970, by control's clock.
    package let deadline: Double?
    package let expires: Double
    package let priority: Int64

    package init(
        content: JobContent, name: String, className: String, classVersion: Int64, terms: JSONValue,
        isCache: Bool = false, secret: Secret? = nil, ticket: Secret? = nil, trackers: [String] = [],
        peers: [PeerAddress] = [], deadline: Double? = nil, expires: Double, priority: Int64 = 5
    ) {
        self.content = content
        self.name = name
        self.className = className
        self.classVersion = classVersion
        self.terms = terms
        self.isCache = isCache
        self.secret = secret
        self.ticket = ticket
        self.trackers = trackers
        self.peers = peers
        self.deadline = deadline
        self.expires = expires
        self.priority = priority
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        guard let content: JobContent = try reader.message("content") else {
            throw WireProblem("content", "is missing")
        }
        self.content = content
        name = try reader.text("name", most: 255)
        className = try reader.text("class", most: 63)
        classVersion = try reader.integer("version", in: 1...Int64.max)
        terms = reader.value("terms") ?? [:]
        isCache = try reader.flag("cache")
        secret = try reader.optionalText("secret", most: 64).map(Secret.init)
        ticket = try reader.optionalText("ticket", most: 128).map(Secret.init)
        trackers = try reader.texts("trackers", most: 16)
        peers = try reader.list("peers", most: Self.mostPeers) { value throws(WireProblem) in
            try HostFacts.address(value)
        }
        deadline = try reader.optionalNumber("deadline")
        expires = try reader.number("expires")
        priority = try reader.optionalInteger("priority", in: 0...9) ?? 5
    }

    package var json: JSONValue {
        var object = JSONObject([
            "content": content.json, "name": .string(name), "class": .string(className),
            "version": .integer(classVersion), "terms": terms,
        ])
        object.put("cache", flag: isCache)
        object.put("secret", secret?.value)
        object.put("ticket", ticket?.value)
        object.put("trackers", texts: trackers)
        object.put("peers", texts: peers.map(\.description))
        object.put("deadline", deadline)
        object["expires"] = .double(expires)
        object["priority"] = .integer(priority)
        return .object(object)
    }
}
