import Hashing
import JSON
import Registry
import Text

/// What a name and tag stand for: manifests, and the blobs that they need.
package struct ResolvedContent: Sendable {
    package struct Blob: Sendable, Hashable {
        package let digest: BlobDigest
        /// Bytes.
        package let size: Int64
        /// The SHA-256 of the info dictionary of its torrent.
        package let infoDigest: SHA256Digest?
        /// The bytes of a small blob.
        package let content: [UInt8]?
    }

    package let digest: BlobDigest
    /// Whether the tag that was asked for may come to name something else; nil where the index does not say.
    package let isMutable: Bool?
    /// All manifests by their digests: the one that is named, and those in it. Empty where a blob is named.
    package let manifests: [BlobDigest: Manifest]
    package let blobs: [BlobDigest: Blob]

    /// Why an answer cannot be used.
    package struct Malformed: Error, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// Bytes of an answer, at most.
    package static let mostBytes = 64 << 20

    /// Reads the answer of an index. Manifests and contents are held against their digests.
    package init(_ value: JSONValue, for reference: Reference) throws(Malformed) {
        guard let digest = value["digest"]?.stringValue.flatMap({ BlobDigest($0) }) else {
            throw Malformed(description: "the index's answer has no digest")
        }
        if case .digest(let wanted) = reference.version, wanted != digest {
            throw Malformed(description: "the index answers with another digest than \(wanted)")
        }
        var manifests: [BlobDigest: Manifest] = [:]
        for entry in value["manifests"]?.arrayValue ?? [] {
            // As text; of indexes before that, in base64.
            let text = entry["text"]?.stringValue.map { Array($0.utf8) }
            guard let bytes = text ?? entry["content"]?.stringValue.flatMap({ Base64.decode($0) }),
                let manifest = try? Manifest(bytes, type: entry["mediaType"]?.stringValue),
                entry["digest"]?.stringValue == manifest.digest.description
            else { throw Malformed(description: "a manifest in the index's answer is not what its digest says") }
            manifests[manifest.digest] = manifest
        }
        var blobs: [BlobDigest: Blob] = [:]
        for entry in value["blobs"]?.arrayValue ?? [] {
            let blob = try Self.blob(entry)
            blobs[blob.digest] = blob
        }
        guard manifests[digest] != nil || blobs[digest] != nil else {
            throw Malformed(description: "the index's answer has nothing of that digest")
        }
        self.digest = digest
        isMutable = value["mutable"].map { $0 == .bool(true) }
        self.manifests = manifests
        self.blobs = blobs
    }

    private static func blob(_ entry: JSONValue) throws(Malformed) -> Blob {
        guard let digest = entry["digest"]?.stringValue.flatMap({ BlobDigest($0) }) else {
            throw Malformed(description: "a blob in the index's answer has no digest")
        }
        guard case .integer(let size)? = entry["size"], size >= 0 else {
            throw Malformed(description: RegistryText.noBlob(digest))
        }
        var content: [UInt8]?
        if let text = entry["content"]?.stringValue {
            content = Base64.decode(text)
            guard let content, BlobDigest(SHA256.digest(content)) == digest, content.count == size else {
                throw Malformed(description: "a blob in the index's answer is not what its digest says")
            }
        }
        return Blob(
            digest: digest, size: size, infoDigest: entry["infoSHA256"]?.stringValue.flatMap { SHA256Digest(hex: $0) },
            content: content)
    }
}
