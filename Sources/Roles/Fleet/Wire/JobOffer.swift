import Address
import JSON
import Text

/// A job as control offers it to a target, in at most 4 KiB. The target gets the metainfo from peers (BEP 9), or from
/// control (`GET /agent/v1/jobs/ID/metainfo`) if no peer has sent it within 5 s.
package struct JobOffer: WireMessage {
    package static let mostPeers = 50
    /// Maximum bytes of an offer as JSON.
    package static let most = 4096

    package let content: JobContent
    /// Name of the content's file or directory, as the sender gave it.
    package let name: String
    package let className: String
    package let classVersion: Int64
    /// The keys of the class that concern a target, in the form of the class's definition: `dest`, `publish`, `keep`,
    /// `hook`, `limits`, `windows`, `p2p`, `sendfile`, `seedinwindow`, `timeout`, `seedtime`, `check`, `verify`,
    /// `sources`.
    package let terms: JSONValue
    /// The node is a cache: it seeds the content and publishes nothing.
    package let isCache: Bool
    /// The swarm's secret, 32 bytes in hexadecimal digits, with which peers of the job authenticate each other; nil for
    /// `isolation: open`.
    package let secret: Secret?
    /// The ticket with which this target announces to trackers.
    package let ticket: Secret?
    /// Announce URLs of trackers other than those inside control servers.
    package let trackers: [String]
    package let peers: [PeerAddress]
    /// Seconds since 1970, by control's clock.
    package let deadline: Double?
    package let expires: Double
    package let priority: Int64
    /// SHA-256 over the checksums of all files at the sender, see ``StartRequest/sums``. The class's `check` selects
    /// the algorithm.
    package let sums: String?

    package init(
        content: JobContent, name: String, className: String, classVersion: Int64, terms: JSONValue,
        isCache: Bool = false, secret: Secret? = nil, ticket: Secret? = nil, trackers: [String] = [],
        peers: [PeerAddress] = [], deadline: Double? = nil, expires: Double, priority: Int64 = 5, sums: String? = nil
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
        self.sums = sums
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
        sums = try reader.optionalText("sums", most: 64)
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
        object.put("sums", sums)
        return .object(object)
    }
}
