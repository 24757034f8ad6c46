import Hashing
import JSON
import NameIndex
import Registry
import Text

/// What an index asks an origin about blobs: the body of `POST /v1/internal/facts`.
///
///     {"digests": [DIGEST…], "name": NAME, "touch": BOOL, "joining": BOOL, "contents": BOOL, "cold": BOOL}
///     {"blobs": [{"digest", "size", "infoHash", "infoSHA256", "content"}…]}
package struct FactsQuestion: Hashable, Sendable {
    package static let path = "/v1/internal/facts"
    package static let mostDigests = 50_000
    package static let mostBytes = 4 << 20
    /// Bytes of all contents in one answer, and of the answer.
    package static let mostContents = 8 << 20
    package static let mostAnswer = 16 << 20

    package let digests: [BlobDigest]
    package let name: ContentName
    /// They are kept for another day.
    package var touches = false
    /// The name is to have them from now on.
    package var joining = false
    /// Small blobs come along.
    package var contents = false
    /// Back ends are asked for what is not here.
    package var cold = false

    package init(_ digests: [BlobDigest], of name: ContentName) {
        self.digests = digests
        self.name = name
    }

    /// Nil for what is no such question.
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

/// The answer.
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

    /// Nil for what is no such answer. Content that does not have its digest is left out.
    static func parse(_ bytes: [UInt8]) -> [BlobDigest: BlobFact]? {
        let limits = JSONLimits(maxBytes: FactsQuestion.mostAnswer, maxDepth: 8, maxValues: 200_000)
        guard let list = (try? JSONValue.parse(bytes, limits: limits))?["blobs"]?.arrayValue else { return nil }
        var facts: [BlobDigest: BlobFact] = [:]
        for value in list {
            guard let digest = value["digest"]?.stringValue.flatMap({ BlobDigest($0) }),
                case .integer(let size)? = value["size"], size >= 0
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
