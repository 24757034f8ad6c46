import JSON

/// What a manifest says of a blob or of another manifest (OCI image specification, "Content Descriptors").
package struct Descriptor: Hashable, Sendable {
    package let mediaType: String
    package let digest: BlobDigest
    /// In bytes.
    package let size: Int64
    package let annotations: [String: String]
    /// What the manifest that this names is of, if it says so.
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

    /// Layers that their distributors do not let registries have: they need not be here.
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
        self.mediaType = mediaType
        self.size = size
        annotations = Manifest.annotations(object["annotations"])
        artifactType = object["artifactType"]?.stringValue
    }

    /// In the order of members that the specification has.
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

/// Why bytes are no manifest.
package enum ManifestError: Error, Hashable, Sendable, CustomStringConvertible {
    case tooLarge(limit: Int)
    case malformed(String)
    /// It names something by a digest of this algorithm.
    case unsupported(String)

    package var description: String {
        switch self {
        case .tooLarge(let limit): "a manifest has at most \(limit) bytes"
        case .malformed(let reason): "this is no manifest: \(reason)"
        case .unsupported(let algorithm): "digests by \(algorithm) are not supported, only sha256"
        }
    }
}
