import Hashing
import JSON
import Registry
import Text

/// The content that a tag or digest stands for: manifests, and the blobs that they need.
package struct ResolvedContent: Sendable {
    package struct Blob: Sendable, Hashable {
        package let digest: BlobDigest
        /// Size in bytes.
        package let size: Int64
        /// The SHA-256 of the info dictionary of the blob's torrent; nil if the index does not say it.
        package let infoDigest: SHA256Digest?
        /// The bytes of a small blob; nil for others.
        package let content: [UInt8]?
    }

    package let digest: BlobDigest
    /// Whether the resolved tag may be moved to another digest; nil if the index does not say.
    package let isMutable: Bool?
    /// The manifest that was resolved and those inside it, by digest. Empty if the digest is that of a blob.
    package let manifests: [BlobDigest: Manifest]
    package let blobs: [BlobDigest: Blob]

    /// The reason why an index's answer cannot be used.
    package struct Malformed: Error, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// Most bytes of an answer.
    package static let mostBytes = 64 << 20

    /// Parses the answer of an index. Checks manifests and contents against their digests.
    package init(_ body: [UInt8], for reference: Reference) throws(Malformed) {
        let limits = JSONLimits(maxBytes: Self.mostBytes, maxDepth: 16, maxValues: 400_000)
        guard let value = try? JSONValue.parse(body, limits: limits) else {
            throw Malformed(description: "the index's answer is no JSON")
        }
        try self.init(value, for: reference)
    }

    package init(_ value: JSONValue, for reference: Reference) throws(Malformed) {
        guard let digest = value["digest"]?.stringValue.flatMap({ BlobDigest($0) }) else {
            throw Malformed(description: "the index's answer has no digest")
        }
        if case .digest(let wanted) = reference.version, wanted != digest {
            throw Malformed(description: "the index answers with another digest than \(wanted)")
        }
        var manifests: [BlobDigest: Manifest] = [:]
        for entry in value["manifests"]?.arrayValue ?? [] {
            // Older indexes send the manifest in base64 instead of as text.
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

    private init(
        _ digest: BlobDigest, manifests: [BlobDigest: Manifest], blobs: [BlobDigest: Blob]
    ) {
        (self.digest, isMutable, self.manifests, self.blobs) = (digest, nil, manifests, blobs)
    }

    /// A manifest or a blob of this content as a content of its own; nil if it is not part of it.
    func part(_ digest: BlobDigest) -> ResolvedContent? {
        guard let manifest = manifests[digest] else {
            return blobs[digest].map { ResolvedContent(digest, manifests: [:], blobs: [digest: $0]) }
        }
        var (inside, needed) = ([digest: manifest], [BlobDigest: Blob]())
        var left = [manifest]
        while let next = left.popLast() {
            for blob in next.neededBlobs { needed[blob.digest] = blobs[blob.digest] }
            for inner in next.neededManifests where inside[inner.digest] == nil {
                guard let found = manifests[inner.digest] else { continue }
                inside[inner.digest] = found
                left.append(found)
            }
        }
        return ResolvedContent(digest, manifests: inside, blobs: needed)
    }

    /// The content as an index answers, for commands of this host, which get contents of blobs in another way.
    var json: JSONValue {
        var members: JSONObject = ["digest": .string(digest.description)]
        if let isMutable { members["mutable"] = .bool(isMutable) }
        members["manifests"] = .array(
            manifests.values.map { manifest in
                .object([
                    "digest": .string(manifest.digest.description), "mediaType": .string(manifest.mediaType),
                    "text": .string(String(decoding: manifest.bytes, as: UTF8.self)),
                ])
            })
        members["blobs"] = .array(
            blobs.values.map { .object(["digest": .string($0.digest.description), "size": .integer($0.size)]) })
        return .object(members)
    }

    private static func blob(_ entry: JSONValue) throws(Malformed) -> Blob {
        guard let digest = entry["digest"]?.stringValue.flatMap({ BlobDigest($0) }) else {
            throw Malformed(description: "a blob in the index's answer has no digest")
        }
        guard case .integer(let size)? = entry["size"], BlobSize.isPossible(size) else {
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
