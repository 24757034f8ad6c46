import Policy
import Text

/// Sources of a class's jobs beside peers: an object store and a web server, each with its share, as of a BFT task.
package struct FleetSources: Sendable, Hashable {
    /// Of peers, the bucket and the CDN. A method with a share of 0 stands in for one that has no source left.
    package var shares: Shares?
    package var bucket: BucketTerms?
    package var cdn: CDNTerms?
    package var rebalance = Rebalance.none

    package init() {}

    package var isEmpty: Bool { bucket == nil && cdn == nil }

    /// Where one job's content lies at a source: `{job}` and `{name}` stand for the job and its content's name; without them the
    /// name follows the place.
    /// - Parameter place: a URL.
    package static func place(_ place: String, job: String, name: String, encode: (String) -> String) -> String {
        guard place.contains("{job}") || place.contains("{name}") else {
            return (place.hasSuffix("/") ? String(place.dropLast()) : place) + "/" + encode(name)
        }
        var (result, rest) = ("", place[...])
        while let brace = rest.firstIndex(of: "{") {
            result += rest[..<brace]
            rest = rest[brace...]
            if rest.hasPrefix("{job}") {
                result += encode(job)
                rest = rest.dropFirst(5)
            } else if rest.hasPrefix("{name}") {
                result += encode(name)
                rest = rest.dropFirst(6)
            } else {
                result += "{"
                rest = rest.dropFirst()
            }
        }
        return result + rest
    }
}

/// A bucket of an object store. Keys stand in the agents' own files.
package struct BucketTerms: Sendable, Hashable {
    package enum Style: String, Sendable, Hashable, CaseIterable { case path, virtual }
    package enum Signature: String, Sendable, Hashable, CaseIterable { case v4, v2 }

    /// `obs://BUCKET/PREFIX`.
    package var url = ""
    /// Host, or URL; nil where the agents' own files have it.
    package var endpoint: String?
    package var region: String?
    package var style: Style?
    package var signature = Signature.v4
    package var window = QuietWindow.always
    /// Bytes a second of a target.
    package var limit: Int64?
    /// May be used beyond its share where `rebalance` is `idle`, though it costs money.
    package var isPayable = false
    /// The sender puts the content there.
    package var uploads = true
    /// The sender signs URLs for targets that have no keys.
    package var presigns = true

    package init() {}
}

/// A web server that has the content's files.
package struct CDNTerms: Sendable, Hashable {
    package var url = ""
    package var window = QuietWindow.always
    package var limit: Int64?
    package var isPayable = false

    package init() {}
}
