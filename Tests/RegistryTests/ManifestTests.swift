import Hashing
import JSON
import Metainfo
import Registry
import Testing

@Suite struct ManifestTests {
    private let digest = BlobDigest(SHA256.digest([1]))

    private func file(_ path: String, executable: Bool = false) throws -> FilesManifest.File {
        let path = try SafePath(components: path.split(separator: "/").map { Array($0.utf8) })
        return FilesManifest.File(path: path, digest: digest, size: 1, isExecutable: executable)
    }

    @Test func `one tree has one manifest, whatever the order of its files`() throws {
        let files = [try file("bin/run", executable: true), try file("a"), try file("b/ü")]
        let bytes = FilesManifest.make(files)
        #expect(FilesManifest.make(files.reversed()) == bytes)
        let manifest = try Manifest(bytes, type: Manifest.imageType)
        #expect(manifest.artifactType == FilesManifest.artifactType)
        #expect(manifest.config?.size == 2)
        #expect(Set(try FilesManifest.files(of: manifest)) == Set(files))
        // The empty configuration and the one blob.
        #expect(manifest.neededBlobs.count == 2)
    }

    @Test(arguments: ["../x", "/x", "a/../b", "a//b", ".", "", "a/"])
    func `a title that leads elsewhere is refused`(title: String) throws {
        let layer = Descriptor(
            mediaType: FilesManifest.fileType, digest: digest, size: 1, annotations: [FilesManifest.titleKey: title])
        let manifest = try Manifest(image([layer.json]), type: nil)
        #expect(throws: FilesManifest.Problem.self) { try FilesManifest.files(of: manifest) }
    }

    @Test func `two files with one path, and a file in a file, are refused`() throws {
        for paths in [["a", "a"], ["a", "a/b"], ["a/b/c", "a/b"]] {
            let manifest = try Manifest(FilesManifest.make(try paths.map { try file($0) }), type: nil)
            #expect(throws: FilesManifest.Problem.twice(paths.contains("a") ? "a" : "a/b")) {
                try FilesManifest.files(of: manifest)
            }
        }
    }

    @Test func `an image has no files`() throws {
        let manifest = try Manifest(image([]), type: Manifest.imageType)
        #expect(throws: FilesManifest.Problem.noFiles) { try FilesManifest.files(of: manifest) }
    }

    @Test func `an index names manifests`() throws {
        let inner = Descriptor(mediaType: Manifest.imageType, digest: digest, size: 1)
        let bytes = JSONValue.object([
            "schemaVersion": .integer(2), "mediaType": .string(Manifest.indexType), "manifests": .array([inner.json]),
        ]).encode()
        let manifest = try Manifest(bytes, type: Manifest.indexType)
        #expect(manifest.isIndex)
        #expect(manifest.neededManifests.map(\.digest) == [digest])
        #expect(manifest.neededBlobs.isEmpty)
        #expect(manifest.digest == BlobDigest(SHA256.digest(bytes)))
    }

    @Test func `layers that registries may not have are not needed`() throws {
        let layer = Descriptor(
            mediaType: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", digest: digest, size: 1)
        #expect(try Manifest(image([layer.json]), type: nil).neededBlobs.count == 1)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"schemaVersion":1,"config":{}}"#, #"{"schemaVersion":2}"#,
        #"{"schemaVersion":2,"config":{"mediaType":"a","digest":"sha256:00","size":1}}"#,
        #"{"schemaVersion":2,"mediaType":"text/plain","config":{}}"#,
        #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":1}"#,
        #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"layers":[]}"#,
    ])
    func `what is no manifest is refused`(text: String) {
        #expect(throws: ManifestError.self) { try Manifest(Array(text.utf8), type: nil) }
    }

    @Test func `a size below zero, another type than sent, and another algorithm are refused`() throws {
        let layer = #"{"mediaType":"a","digest":"\#(digest)","size":-1}"#
        #expect(throws: ManifestError.self) { try Manifest(image([try JSONValue.parse(Array(layer.utf8))]), type: nil) }
        for size in ["70368744177665", "9223372036854775807"] {
            let large = layer.replacing("-1", with: size)
            #expect(throws: ManifestError.self) {
                try Manifest(image([try JSONValue.parse(Array(large.utf8))]), type: nil)
            }
        }
        #expect(throws: ManifestError.self) { try Manifest(image([]), type: Manifest.indexType) }
        let other = #"{"mediaType":"a","digest":"sha512:00","size":1}"#
        #expect(throws: ManifestError.unsupported("sha512")) {
            try Manifest(image([try JSONValue.parse(Array(other.utf8))]), type: nil)
        }
        #expect(throws: ManifestError.tooLarge(limit: 4 << 20)) {
            try Manifest([UInt8](repeating: 0x20, count: (4 << 20) + 1), type: nil)
        }
    }

    private func image(_ layers: [JSONValue]) -> [UInt8] {
        let config = Descriptor(
            mediaType: "application/vnd.oci.image.config.v1+json", digest: BlobDigest(SHA256.digest([2])), size: 1)
        return JSONValue.object([
            "schemaVersion": .integer(2), "mediaType": .string(Manifest.imageType), "config": config.json,
            "layers": .array(layers),
        ]).encode()
    }
}
