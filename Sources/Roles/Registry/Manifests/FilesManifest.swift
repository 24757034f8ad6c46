import Hashing
import JSON
import Metainfo

/// The manifest of a tree of files: one layer for each file, with the file's path as its title. Equal trees have equal
/// manifest bytes, and so the same digest on every host.
package enum FilesManifest {
    package static let artifactType = "application/vnd.swoop.files.v1"
    package static let fileType = "application/octet-stream"
    package static let titleKey = "org.opencontainers.image.title"
    package static let executableKey = "org.swoop.executable"
    /// An annotation of the manifest: `true` for a directory that holds one file at its top and nothing else. A manifest of
    /// one such file without the annotation is that of a file, not of a directory.
    package static let directoryKey = "org.swoop.directory"
    /// The most files of a manifest. Larger trees have to be packed before they are pushed.
    package static let mostFiles = 10_000
    /// The config blob of artifacts without a configuration (OCI image specification, "Guidance for an Empty Descriptor").
    package static let emptyConfig = Array("{}".utf8)
    package static let emptyConfigType = "application/vnd.oci.empty.v1+json"

    /// A file of the tree.
    package struct File: Hashable, Sendable {
        /// The path below the top directory, in UTF-8.
        package let path: SafePath
        package let digest: BlobDigest
        package let size: Int64
        package let isExecutable: Bool

        package init(path: SafePath, digest: BlobDigest, size: Int64, isExecutable: Bool) {
            self.path = path
            self.digest = digest
            self.size = size
            self.isExecutable = isExecutable
        }
    }

    /// The bytes of the manifest of `files`. They do not depend on the order of `files`.
    /// - Parameter isDirectory: whether a directory is pushed, and not a single file.
    package static func make(_ files: [File], isDirectory: Bool = false) -> [UInt8] {
        let layers = files.sorted { $0.path.bytes.lexicographicallyPrecedes($1.path.bytes) }.map { file in
            var annotations = [titleKey: String(decoding: file.path.bytes, as: UTF8.self)]
            if file.isExecutable { annotations[executableKey] = "true" }
            return Descriptor(mediaType: fileType, digest: file.digest, size: file.size, annotations: annotations).json
        }
        let config = Descriptor(
            mediaType: emptyConfigType, digest: BlobDigest(SHA256.digest(emptyConfig)), size: Int64(emptyConfig.count))
        var object: JSONObject = [
            "schemaVersion": .integer(2), "mediaType": .string(Manifest.imageType),
            "artifactType": .string(artifactType), "config": config.json, "layers": .array(layers),
        ]
        if isDirectory, isAtTop(files) { object["annotations"] = .object([directoryKey: .string("true")]) }
        return JSONValue.object(object).encode()
    }

    /// Whether a manifest describes a single file, and not a directory.
    package static func isSingleFile(_ manifest: Manifest, _ files: [File]) -> Bool {
        isAtTop(files) && manifest.annotations[directoryKey] != "true"
    }

    private static func isAtTop(_ files: [File]) -> Bool {
        files.count == 1 && !(files.first?.path.bytes.contains(UInt8(ascii: "/")) ?? true)
    }

    /// Why the files of a manifest cannot be written.
    package enum Problem: Error, Hashable, Sendable {
        /// No layer has a title, as in a container image.
        case noFiles
        case badPath(String, PathProblem)
        /// Two files have the same path, or one file's path is a directory of another's.
        case twice(String)
        case tooMany(Int)
    }

    /// The files of a manifest: its layers with a title, whichever program made it.
    /// - Throws: a problem where there is no such layer, a path is unsafe or occurs twice, or there are too many files.
    package static func files(of manifest: Manifest) throws(Problem) -> [File] {
        var files: [File] = []
        for layer in manifest.layers {
            guard let title = layer.annotations[titleKey] else { continue }
            let path: SafePath
            do {
                path = try SafePath(
                    components: Array(title.utf8).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false))
            } catch {
                throw .badPath(title, error)
            }
            files.append(
                File(
                    path: path, digest: layer.digest, size: layer.size,
                    isExecutable: layer.annotations[executableKey] == "true"))
        }
        guard !files.isEmpty else { throw .noFiles }
        guard files.count <= mostFiles else { throw .tooMany(files.count) }
        try checkPaths(files)
        return files
    }

    private static func checkPaths(_ files: [File]) throws(Problem) {
        let slash = UInt8(ascii: "/")
        var paths: Set<[UInt8]> = []
        for file in files where !paths.insert(file.path.bytes).inserted {
            throw .twice(String(decoding: file.path.bytes, as: UTF8.self))
        }
        for file in files {
            for place in file.path.bytes.indices where file.path.bytes[place] == slash {
                let directory = Array(file.path.bytes[..<place])
                if paths.contains(directory) { throw .twice(String(decoding: directory, as: UTF8.self)) }
            }
        }
    }
}
