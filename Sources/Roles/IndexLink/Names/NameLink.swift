import HTTPTransport
import JSON
import Registry
import Text

/// Paths, queries and JSON documents of the calls that origins make to an index. Errors have the form of the OCI
/// distribution API.
enum NameLink {
    static let root = "/v1/internal/names"

    static func tags(_ name: ContentName) -> String { "\(root)/\(name)/tags" }
    static func tag(_ name: ContentName, _ tag: Tag) -> String { "\(root)/\(name)/tags/\(tag)" }
    static func manifests(_ name: ContentName) -> String { "\(root)/\(name)/manifests" }
    static func manifest(_ name: ContentName, _ version: Reference.Version) -> String {
        "\(root)/\(name)/manifests/\(version)"
    }
    static func referrers(_ name: ContentName, _ digest: BlobDigest) -> String { "\(root)/\(name)/referrers/\(digest)" }
    static func blob(_ name: ContentName, _ digest: BlobDigest) -> String { "\(root)/\(name)/blobs/\(digest)" }

    /// Most bytes of a response that holds a list.
    static let mostListed = 16 << 20
    /// Most characters of the name, and of the address, of a request's author.
    private static let mostAuthor = 255

    // MARK: Queries

    static func query(_ items: [(String, String)]) -> String {
        items.isEmpty
            ? "" : "?" + items.map { "\($0.0)=\(PercentEncoding.encode($0.1.utf8))" }.joined(separator: "&")
    }

    static func page(_ after: String?, _ limit: Int) -> String {
        query((after.map { [("after", $0)] } ?? []) + [("limit", "\(limit)")])
    }

    static func items(_ author: Author) -> [(String, String)] {
        [("who", author.name), ("address", author.address), ("via", author.via.description)]
    }

    static func author(_ who: String?, _ address: String?, _ via: String?) -> Author {
        func bounded(_ text: String?) -> String { String((text ?? "").prefix(mostAuthor)) }
        return Author(name: bounded(who), address: bounded(address), via: ClusterPath(via))
    }

    // MARK: Documents

    static func list(_ key: String, _ texts: [String]) -> JSONValue {
        .object([key: .array(texts.map { .string($0) })])
    }

    static func parse(_ bytes: [UInt8]) -> JSONValue? {
        try? JSONValue.parse(bytes, limits: JSONLimits(maxBytes: mostListed, maxDepth: 16, maxValues: 400_000))
    }

    static func texts(_ value: JSONValue, _ key: String) -> [String]? {
        value[key]?.arrayValue.map { $0.compactMap(\.stringValue) }
    }
}

extension OCIError {
    /// The error that an index responded with, for an origin to pass on to its client. Nil for a body that is no OCI
    /// error.
    init?(status: Int, body: [UInt8]) {
        guard let error = NameLink.parse(body)?["errors"]?.arrayValue?.first,
            let code = error["code"]?.stringValue.flatMap({ Code(rawValue: $0) })
        else { return nil }
        self.init(status, code, error["message"]?.stringValue ?? "", detail: error["detail"])
    }
}
