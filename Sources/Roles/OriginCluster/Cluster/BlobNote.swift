import Hashing
import JSON
import Registry
import Text

/// An origin's description of a blob that it has.
package struct BlobNote: Hashable, Sendable {
    package let digest: BlobDigest
    /// Size in bytes.
    package let size: Int64
    /// SHA-1 and SHA-256 of the info dictionary of the blob's torrent; nil for an empty blob.
    package let infoHash: SHA1Digest?
    package let infoDigest: SHA256Digest?
    /// The whole blob, if it is small and was asked for.
    package let content: [UInt8]?

    /// Blobs up to this size, in bytes, are sent inside the note and need no swarm.
    package static let mostContent: Int64 = 64 << 10

    init(
        digest: BlobDigest, size: Int64, infoHash: SHA1Digest?, infoDigest: SHA256Digest?, content: [UInt8]?
    ) {
        self.digest = digest
        self.size = size
        self.infoHash = infoHash
        self.infoDigest = infoDigest
        self.content = content
    }

    /// Nil for a malformed note. Content whose SHA-256 is not the digest is dropped.
    init?(_ value: JSONValue) {
        guard let digest = value["digest"]?.stringValue.flatMap({ BlobDigest($0) }),
            case .integer(let size)? = value["size"], BlobSize.isPossible(size)
        else { return nil }
        self.digest = digest
        self.size = size
        infoHash = value["infoHash"]?.stringValue.flatMap { SHA1Digest(hex: $0) }
        infoDigest = value["infoSHA256"]?.stringValue.flatMap { SHA256Digest(hex: $0) }
        let content = value["content"]?.stringValue.flatMap { Base64.decode($0[...]) }
        self.content = content.flatMap { SHA256.digest($0) == digest.sha256 ? $0 : nil }
    }

    var json: JSONValue {
        var object: JSONObject = ["digest": .string(digest.description), "size": .integer(size)]
        if let infoHash { object["infoHash"] = .string(infoHash.hex) }
        if let infoDigest { object["infoSHA256"] = .string(infoDigest.hex) }
        if let content { object["content"] = .string(Base64.encode(content)) }
        return .object(object)
    }
}

/// A blob that one origin offers to another, which is to store it.
package struct OfferedBlob: Hashable, Sendable {
    package let digest: BlobDigest
    /// Names whose back ends still lack the blob.
    package let names: [ContentName]

    package init(_ digest: BlobDigest, names: [ContentName]) {
        self.digest = digest
        self.names = names
    }

    init?(_ value: JSONValue) {
        guard let digest = value["digest"]?.stringValue.flatMap({ BlobDigest($0) }) else { return nil }
        self.digest = digest
        names = (value["names"]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap { ContentName($0) } }
    }

    var json: JSONValue {
        var object: JSONObject = ["digest": .string(digest.description)]
        if !names.isEmpty { object["names"] = .array(names.map { .string($0.text) }) }
        return .object(object)
    }
}
