import JSON
import Text

/// `PUT /agent/v1/jobs/ID/sources`, by the sender: URLs by which targets without keys GET a job's content from its bucket for a
/// while. Targets GET it from there. Control keeps it for them, and has no key.
package struct SourceGrant: WireMessage {
    /// Files of a job whose URLs are given out; content of more needs keys at its targets.
    package static let mostFiles = 20_000
    /// Of the whole message as JSON.
    package static let most = 16 << 20
    package static let limits = JSONLimits(maxBytes: most, maxDepth: 8, maxValues: mostFiles + 100)

    /// Seconds since 1970, by control's clock.
    package let expires: Double
    /// Of each file, in the torrent's order, without padding. Each is a secret for as long as it is valid.
    package let urls: [Secret]

    package init(expires: Double, urls: [Secret]) {
        self.expires = expires
        self.urls = urls
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        expires = try reader.number("expires")
        urls = try reader.texts("urls", most: Self.mostFiles, bytes: 4096).map { Secret($0) }
    }

    package var json: JSONValue {
        ["expires": .double(expires), "urls": .array(urls.map { .string($0.value) })]
    }
}
