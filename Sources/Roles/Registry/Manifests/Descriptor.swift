import JSON

/// A manifest's reference to a blob or to another manifest (OCI image specification, "Content Descriptors").
package struct Descriptor: Hashable, Sendable {
    package let mediaType: String
    package let digest: BlobDigest
    /// In bytes.
    package let size: Int64
    package let annotations: [String: String]
    /// The `artifactType` member: the artifact type of the manifest that the descriptor refers to.
    package let artifactType: String?

    package init(
        mediaType: String, digest: BlobDigest, size: Int64, annotations: [String: String] = [:],
        artifactType: String? = nil
    ) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.annotations = annotations
        self.artifactType = artifactType
    }

    /// Whether this is a layer that its distributor does not let registries store. A registry accepts a manifest without it.
    package var isForeign: Bool {
        mediaType.contains(".nondistributable.")
            || mediaType == "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    }

    package init(_ value: JSONValue, in place: String) throws(ManifestError) {
        guard let object = value.objectValue else { throw .malformed("\(place) is no object") }
        guard let mediaType = object["mediaType"]?.stringValue, !mediaType.isEmpty, mediaType.utf8.count <= 255 else {
            throw .malformed("\(place) has no mediaType")
        }
        guard let text = object["digest"]?.stringValue else { throw .malformed("\(place) has no digest") }
        do {
            digest = try BlobDigest(parsing: text)
        } catch .algorithm(let algorithm) {
            throw .unsupported(algorithm)
        } catch {
            throw .malformed("\(place) has a digest that is none")
        }
        guard case .integer(let size)? = object["size"], size >= 0 else { throw .malformed("\(place) has no size") }
        guard BlobSize.isPossible(size) else { throw .malformed("\(place) has \(size) bytes, which nothing has") }
        self.mediaType = mediaType
        self.size = size
        annotations = Manifest.annotations(object["annotations"])
        artifactType = object["artifactType"]?.stringValue
    }

    /// Members are in the specification's order, and annotations sorted by key, so that equal descriptors encode to equal
    /// bytes.
    package var json: JSONValue {
        var object = JSONObject()
        object["mediaType"] = .string(mediaType)
        object["digest"] = .string(digest.description)
        object["size"] = .integer(size)
        if !annotations.isEmpty {
            var members = JSONObject()
            for key in annotations.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
                members[key] = annotations[key].map { .string($0) }
            }
            object["annotations"] = .object(members)
        }
        if let artifactType { object["artifactType"] = .string(artifactType) }
        return .object(object)
    }
}

/// Why bytes are not a manifest that this registry accepts.
package enum ManifestError: Error, Hashable, Sendable, CustomStringConvertible {
    case tooLarge(limit: Int)
    case malformed(String)
    /// The manifest has a digest of this algorithm, which is not `sha256`.
    case unsupported(String)

    package var description: String {
        switch self {
        case .tooLarge(let limit): "a manifest has at most \(limit) bytes"
        case .malformed(let reason): "this is no manifest: \(reason)"
        case .unsupported(let algorithm): "digests by \(algorithm) are not supported, only sha256"
        }
    }
}
