import Hashing
import JSON
import NameIndex
import Registry

// Testing has types of these names too.
typealias Tag = Registry.Tag
typealias Expectation = NameIndex.Expectation

/// Short ways to write what the tests are about. A text that is wrong is a mistake of the test.
func name(_ text: String) -> ContentName { ContentName(text) ?? fallen(text) }
func tag(_ text: String) -> Tag { Tag(text) ?? fallen(text) }
private func fallen<V>(_ text: String) -> V { fatalError("'\(text)' is wrong") }

func blob(_ text: String) -> BlobDigest { BlobDigest(SHA256.digest(Array(text.utf8))) }

func act(_ at: Int64 = 1000, who: String = "tester") -> Act { Act(who: who, address: "192.0.2.1", at: at) }

/// An image manifest of blobs that are named by their contents.
func manifest(
    _ layers: [String], config: String = "config", subject: BlobDigest? = nil, artifactType: String? = nil
) throws -> Manifest {
    func descriptor(_ text: String, _ type: String) -> JSONValue {
        Descriptor(mediaType: type, digest: blob(text), size: Int64(text.utf8.count)).json
    }
    var object: JSONObject = [
        "schemaVersion": .integer(2), "mediaType": .string(Manifest.imageType),
        "config": descriptor(config, "application/vnd.example.config"),
        "layers": .array(layers.map { descriptor($0, "application/octet-stream") }),
    ]
    if let subject { object["subject"] = Descriptor(mediaType: Manifest.imageType, digest: subject, size: 3).json }
    if let artifactType { object["artifactType"] = .string(artifactType) }
    return try Manifest(JSONValue.object(object).encode(), type: nil)
}

func index(of manifests: [Manifest]) throws -> Manifest {
    try Manifest(
        JSONValue.object([
            "schemaVersion": .integer(2), "mediaType": .string(Manifest.indexType),
            "manifests": .array(manifests.map(\.descriptor.json)),
        ]).encode(), type: nil)
}
