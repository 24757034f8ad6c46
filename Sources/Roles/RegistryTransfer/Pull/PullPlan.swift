import Files
import Hashing
import JSON
import Metainfo
import Registry
import Storage

/// The files that a pull writes, with their paths at the destination.
struct PullPlan: Sendable {
    struct File: Sendable, Hashable {
        /// The path below the top directory; empty for a single file.
        let path: SafePath
        let digest: BlobDigest
        let size: Int64
        let isExecutable: Bool
        /// The content of a file that is not fetched; nil for a blob to fetch.
        var content: [UInt8]?
    }

    /// The name of the file or directory at the destination.
    let name: PathComponent
    let isSingleFile: Bool
    var files: [File]

    var bytes: Int64 { files.reduce(0) { $0 + $1.size } }

    init(_ content: NamedContent, _ reference: Reference) throws(PullError) {
        switch content.root {
        case .manifest(let manifest, let nested): try self.init(manifest, reference, nested: nested)
        case .blob(let blob): try self.init(blob, reference)
        }
    }

    private init(_ blob: WantedBlob, _ reference: Reference) throws(PullError) {
        do throws(PathProblem) {
            name = try PathComponent(reference.name.lastComponent)
        } catch {
            throw .badManifest(reference, reason: "\(error)")
        }
        isSingleFile = true
        files = [File(path: .empty, digest: blob.digest, size: blob.size, isExecutable: false)]
        try check(reference)
    }

    private init(_ manifest: Manifest, _ reference: Reference, nested: [Manifest]) throws(PullError) {
        func bad(_ reason: String) -> PullError { .badManifest(reference, reason: reason) }
        let files: [FilesManifest.File]?
        do {
            files = try FilesManifest.files(of: manifest)
        } catch {
            switch error {
            case .noFiles: files = nil
            case .badPath(let path, let problem): throw bad("'\(DisplayName.escape(path))': \(problem)")
            case .twice(let path): throw bad("'\(DisplayName.escape(path))' is in it twice")
            case .tooMany(let count): throw bad("it has \(count) files, which are too many")
            }
        }
        do {
            if let files {
                isSingleFile = FilesManifest.isSingleFile(manifest, files)
                name =
                    try isSingleFile
                    ? files[0].path.lastComponent ?? PathComponent("") : PathComponent(reference.name.lastComponent)
                self.files = files.map { [isSingleFile] file in
                    File(
                        path: isSingleFile ? .empty : file.path, digest: file.digest, size: file.size,
                        isExecutable: file.isExecutable)
                }
            } else {
                isSingleFile = false
                name = try PathComponent(reference.name.lastComponent)
                self.files = try Self.layout(manifest, reference, nested)
            }
        } catch let error as PathProblem {
            throw bad("\(error)")
        } catch {
            throw bad("\(error)")
        }
        try check(reference)
    }

    private func check(_ reference: Reference) throws(PullError) {
        func bad(_ reason: String) -> PullError { .badManifest(reference, reason: reason) }
        guard !WorkNames.isWorkDirectory(FileName(checked: name.bytes[...])) else {
            throw bad("names like '\(name.display)' are those of unfinished pulls")
        }
        var sum: Int64 = 0
        for file in files {
            let (next, overflow) = sum.addingReportingOverflow(file.size)
            guard !overflow else { throw bad("its files are larger than any disk") }
            sum = next
        }
    }

    /// The files of an image in an OCI image layout (OCI image specification, "Image Layout").
    private static func layout(
        _ manifest: Manifest, _ reference: Reference, _ nested: [Manifest]
    ) throws(PathProblem) -> [File] {
        var files: [File] = []
        var seen: Set<BlobDigest> = []
        func add(_ digest: BlobDigest, _ size: Int64, _ content: [UInt8]?) throws(PathProblem) {
            guard seen.insert(digest).inserted else { return }
            files.append(
                File(
                    path: try SafePath("blobs/sha256/\(digest.hex)"), digest: digest, size: size, isExecutable: false,
                    content: content))
        }
        func made(_ path: String, _ content: [UInt8]) throws(PathProblem) -> File {
            File(
                path: try SafePath(path), digest: BlobDigest(SHA256.digest(content)), size: Int64(content.count),
                isExecutable: false, content: content)
        }
        for each in [manifest] + nested {
            try add(each.digest, Int64(each.bytes.count), each.bytes)
            for blob in each.neededBlobs { try add(blob.digest, blob.size, nil) }
        }
        var top = manifest.descriptor
        if case .tag(let tag) = reference.version {
            top = Descriptor(
                mediaType: top.mediaType, digest: top.digest, size: top.size,
                annotations: ["org.opencontainers.image.ref.name": tag.text])
        }
        let index: JSONObject = [
            "schemaVersion": .integer(2), "mediaType": .string(Manifest.indexType), "manifests": .array([top.json]),
        ]
        files.append(try made("index.json", JSONValue.object(index).encode()))
        files.append(try made("oci-layout", Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)))
        return files
    }

    /// Keeps only the files that are wanted.
    mutating func select(_ isWanted: (SafePath) -> Bool) {
        files = files.filter {
            isWanted(isSingleFile ? ((try? SafePath(components: [name.bytes])) ?? .empty) : $0.path)
        }
    }
}
