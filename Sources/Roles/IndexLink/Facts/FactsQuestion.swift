import Hashing
import JSON
import NameIndex
import Registry
import Text

/// What an index asks an origin about blobs: the request body of `POST /v1/internal/facts`, and below it the response
/// body.
///
///     {"digests": [DIGEST…], "name": NAME, "touch": BOOL, "joining": BOOL, "contents": BOOL, "cold": BOOL}
///     {"blobs": [{"digest", "size", "infoHash", "infoSHA256", "content"}…]}
package struct FactsQuestion: Hashable, Sendable {
    package static let path = "/v1/internal/facts"
    package static let mostDigests = 50_000
    /// Digests that are asked about at a time; the answer has five values for each.
    package static let atOnce = 20_000
    package static let mostBytes = 4 << 20
    /// Most bytes of all blob contents in one response, and of the whole response.
    package static let mostContents = 8 << 20
    package static let mostAnswer = 16 << 20

    package let digests: [BlobDigest]
    package let name: ContentName
    /// Marks the blobs as used now, so that garbage collection leaves them for another day.
    package var touches = false
    /// The blobs are about to be linked to `name`: the origin also queues them for the back end of that name.
    package var joining = false
    /// The response is to include the bytes of small blobs.
    package var contents = false
    /// The origin is to ask back ends for blobs that are not on its disk.
    package var cold = false

    package init(_ digests: [BlobDigest], of name: ContentName) {
        self.digests = digests
        self.name = name
    }

    /// Nil for a malformed question, and for more than ``mostDigests``. Malformed digests are skipped.
    package init?(_ value: JSONValue) {
        guard let list = value["digests"]?.arrayValue, list.count <= Self.mostDigests,
            let name = value["name"]?.stringValue.flatMap({ ContentName($0) })
        else { return nil }
        self.init(list.compactMap { $0.stringValue.flatMap { BlobDigest($0) } }, of: name)
        func flag(_ key: String) -> Bool { value[key]?.lenientFlag ?? false }
        (touches, joining, contents, cold) = (flag("touch"), flag("joining"), flag("contents"), flag("cold"))
    }

    package var json: JSONValue {
        .object([
            "digests": .array(digests.map { .string($0.description) }), "name": .string(name.text),
            "touch": .bool(touches), "joining": .bool(joining), "contents": .bool(contents), "cold": .bool(cold),
        ])
    }
}

/// The response body of `POST /v1/internal/facts`.
enum FactsAnswer {
    static func json(_ facts: [BlobDigest: BlobFact]) -> JSONValue {
        .object(["blobs": .array(facts.sorted { $0.key < $1.key }.map { json($0.key, $0.value) })])
    }

    private static func json(_ digest: BlobDigest, _ fact: BlobFact) -> JSONValue {
        var object: JSONObject = ["digest": .string(digest.description), "size": .integer(fact.size)]
        if let hash = fact.infoHash { object["infoHash"] = .string(hash.hex) }
        if let hash = fact.infoSHA256 { object["infoSHA256"] = .string(hash.hex) }
        if let content = fact.content { object["content"] = .string(Base64.encode(content)) }
        return .object(object)
    }

    /// Nil for a malformed response. Content whose SHA-256 is not its digest is dropped.
    static func parse(_ bytes: [UInt8]) -> [BlobDigest: BlobFact]? {
        let limits = JSONLimits(maxBytes: FactsQuestion.mostAnswer, maxDepth: 8, maxValues: 200_000)
        guard let list = (try? JSONValue.parse(bytes, limits: limits))?["blobs"]?.arrayValue else { return nil }
        var facts: [BlobDigest: BlobFact] = [:]
        for value in list {
            guard let digest = value["digest"]?.stringValue.flatMap({ BlobDigest($0) }),
                case .integer(let size)? = value["size"], BlobSize.isPossible(size)
            else { return nil }
            let content = value["content"]?.stringValue.flatMap { Base64.decode($0) }
            facts[digest] = BlobFact(
                size: size, infoHash: value["infoHash"]?.stringValue.flatMap { SHA1Digest(hex: $0) },
                infoSHA256: value["infoSHA256"]?.stringValue.flatMap { SHA256Digest(hex: $0) },
                content: content.flatMap { SHA256.digest($0) == digest.sha256 ? $0 : nil })
        }
        return facts
    }
}
