import Hashing
import JSON

/// A manifest: its exact bytes as they were pushed, and the blobs and manifests that it refers to. It is an image or
/// artifact (OCI image specification, "Image Manifest"), or an index of other manifests. Docker's two media types, which
/// have the same shape, are accepted too.
package struct Manifest: Hashable, Sendable {
    package static let mostBytes = 4 << 20
    package static let imageType = "application/vnd.oci.image.manifest.v1+json"
    package static let indexType = "application/vnd.oci.image.index.v1+json"
    package static let dockerImageType = "application/vnd.docker.distribution.manifest.v2+json"
    package static let dockerIndexType = "application/vnd.docker.distribution.manifest.list.v2+json"
    /// The media types that clients send in `Accept`.
    package static let types = [imageType, indexType, dockerImageType, dockerIndexType]

    private static let limits = JSONLimits(maxBytes: mostBytes, maxDepth: 32, maxValues: 400_000)

    package let bytes: [UInt8]
    package let digest: BlobDigest
    package let mediaType: String
    /// The config blob; nil for an index.
    package let config: Descriptor?
    package let layers: [Descriptor]
    /// The manifests that an index lists; empty for an image.
    package let manifests: [Descriptor]
    /// The manifest to which this one refers (OCI `subject`, as of a signature). It need not be stored.
    package let subject: Descriptor?
    /// The manifest's own `artifactType`, else the media type of its config blob.
    package let artifactType: String?
    package let annotations: [String: String]

    package var isIndex: Bool { config == nil }
    /// The blobs that must be stored before this manifest: config and layers, each digest once, without foreign layers.
    package var neededBlobs: [Descriptor] {
        var seen: Set<BlobDigest> = []
        return ((config.map { [$0] } ?? []) + layers.filter { !$0.isForeign }).filter {
            seen.insert($0.digest).inserted
        }
    }
    /// The manifests that must be stored before this one.
    package var neededManifests: [Descriptor] { manifests }

    /// - Parameter type: the request's `Content-Type`; nil where there is none. The manifest's own `mediaType` must agree
    ///   with it.
    package init(_ bytes: [UInt8], type: String?) throws(ManifestError) {
        guard bytes.count <= Self.mostBytes else { throw .tooLarge(limit: Self.mostBytes) }
        let object: JSONObject
        do {
            guard let parsed = try JSONValue.parse(bytes, limits: Self.limits).objectValue else {
                throw ManifestError.malformed("it is no object")
            }
            object = parsed
        } catch let error as ManifestError {
            throw error
        } catch {
            throw .malformed("\(error)")
        }
        guard case .integer(2)? = object["schemaVersion"] else { throw .malformed("its schemaVersion is not 2") }
        let said = object["mediaType"]?.stringValue
        let sent = type.map { $0.split(separator: ";").first.map(String.init) ?? $0 }
        if let said, let sent, said != sent { throw .malformed("it is sent as \(sent) and says that it is \(said)") }
        guard let mediaType = said ?? sent ?? Self.guess(object) else { throw .malformed("it has no mediaType") }
        let hasManifests = object["manifests"] != nil
        switch mediaType {
        case Self.indexType, Self.dockerIndexType:
            guard !object.keys.contains("layers"), !object.keys.contains("config") else {
                throw .malformed("it is an index with layers")
            }
            config = nil
            layers = []
            manifests = try Self.descriptors(object["manifests"], "manifests")
        case Self.imageType, Self.dockerImageType:
            guard !hasManifests else { throw .malformed("it is an image with manifests") }
            guard let config = object["config"] else { throw .malformed("it has no config") }
            self.config = try Descriptor(config, in: "config")
            layers = try Self.descriptors(object["layers"] ?? .array([]), "layers")
            manifests = []
        default: throw .malformed("\(mediaType.prefix(80)) is no type of manifest that is known here")
        }
        if let value = object["subject"], !value.isNull {
            subject = try Descriptor(value, in: "subject")
        } else {
            subject = nil
        }
        annotations = Self.annotations(object["annotations"])
        artifactType = object["artifactType"]?.stringValue ?? config?.mediaType
        self.mediaType = mediaType
        self.bytes = bytes
        digest = BlobDigest(SHA256.digest(bytes))
    }

    package var descriptor: Descriptor {
        Descriptor(mediaType: mediaType, digest: digest, size: Int64(bytes.count))
    }

    /// The descriptor in a list of referrers (OCI distribution specification, "Listing Referrers").
    package var referrer: Descriptor {
        Descriptor(
            mediaType: mediaType, digest: digest, size: Int64(bytes.count), annotations: annotations,
            artifactType: artifactType)
    }

    private static func guess(_ object: JSONObject) -> String? {
        if object["config"] != nil { return imageType }
        return object["manifests"] != nil ? indexType : nil
    }

    private static func descriptors(_ value: JSONValue?, _ place: String) throws(ManifestError) -> [Descriptor] {
        guard let values = value?.arrayValue else { throw .malformed("its \(place) are no list") }
        var descriptors: [Descriptor] = []
        for (index, value) in values.enumerated() {
            descriptors.append(try Descriptor(value, in: "\(place)[\(index)]"))
        }
        return descriptors
    }

    static func annotations(_ value: JSONValue?) -> [String: String] {
        var annotations: [String: String] = [:]
        for member in value?.objectValue?.members ?? [] {
            if let text = member.value.stringValue { annotations[member.key] = text }
        }
        return annotations
    }
}
