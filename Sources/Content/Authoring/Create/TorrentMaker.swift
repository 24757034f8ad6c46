import Files
import Hashing
import Metainfo
import Threads

/// Options of a new torrent.
package struct TorrentOptions: Sendable {
    package var version = Info.Version.hybrid
    /// In bytes; nil to choose by size.
    package var pieceLength: Int?
    /// The top-level name; nil for the name of the file or directory.
    package var name: PathComponent?
    package var isPrivate = false
    /// Tiers of tracker URLs (BEP 12).
    package var trackers: [[String]] = []
    package var webSeeds: [String] = []
    package var comment: String?
    package var createdBy: String?
    /// Seconds since 1970. If nil, the same input gives the same file.
    package var creationDate: Int64?
    /// Number of threads that read and hash; nil for one on each processor.
    package var threads: Int?

    package init(version: Info.Version = .hybrid, pieceLength: Int? = nil) {
        self.version = version
        self.pieceLength = pieceLength
    }
}

/// Makes a torrent of scanned content, for `swoop create`.
package struct TorrentMaker: Sendable {
    package let content: ScannedContent
    package let limits: AuthoringLimits
    private let threads: Int?
    private let builder: TorrentBuilder

    /// - Throws: `badPieceLength`, or `metainfo` if these files cannot be in one torrent.
    package init(
        _ content: ScannedContent, options: TorrentOptions = TorrentOptions(), limits: AuthoringLimits = .standard
    ) throws(AuthoringError) {
        let length = options.pieceLength ?? PieceLength.automatic(totalLength: content.totalLength)
        guard PieceLength.isAllowed(length) else { throw .badPieceLength(length) }
        self.content = content
        self.limits = limits
        threads = options.threads
        do throws(MetainfoError) {
            var builder = try Self.builder(
                content, name: options.name ?? content.name, pieceLength: length, version: options.version)
            builder.isPrivate = options.isPrivate
            builder.trackers = options.trackers
            builder.webSeeds = options.webSeeds
            builder.comment = options.comment
            builder.createdBy = options.createdBy
            builder.creationDate = options.creationDate
            self.builder = builder
        } catch {
            throw .metainfo(error)
        }
    }

    private static func builder(
        _ content: ScannedContent, name: PathComponent, pieceLength: Int, version: Info.Version
    ) throws(MetainfoError) -> TorrentBuilder {
        if content.isSingleFile, let file = content.files.first {
            return try TorrentBuilder(
                name: name, length: file.length, isExecutable: file.isExecutable, pieceLength: pieceLength,
                version: version)
        }
        let files = content.files.map {
            TorrentBuilder.File(path: $0.path, length: $0.length, isExecutable: $0.isExecutable)
        }
        return try TorrentBuilder(name: name, files: files, pieceLength: pieceLength, version: version)
    }

    /// How the content is divided into pieces.
    package var layout: ContentLayout { builder.layout }

    /// Reads and hashes everything, each byte once, on threads of its own. Ends soon after its task is cancelled.
    /// - Parameter progress: called from time to time by any of the threads, one at a time.
    /// - Throws: `changedWhileRead`, `system`, `noMemory`, `cancelled`, `metainfo`.
    package func make(
        progress: @escaping @Sendable (HashProgress) -> Void = { _ in }
    ) async throws(AuthoringError) -> Torrent {
        let state = HashState(interval: limits.progressInterval, report: progress)
        let result = await withTaskCancellationHandler {
            await Threads.offload { [self] in
                Result { () throws(AuthoringError) in try make(state) }
            }
        } onCancel: {
            state.stop(.cancelled)
        }
        return try result.get()
    }

    /// The same on the calling thread, which blocks.
    private func make(_ state: HashState) throws(AuthoringError) -> Torrent {
        let version = builder.version
        let pieces = layout.pieceCount
        let v1 = PieceResults(repeating: SHA1Digest.zero, count: version.hasV1 ? pieces : 0)
        let v2 = PieceResults(repeating: SHA256Digest.zero, count: version.hasV2 ? pieces : 0)
        let sources = scannedFiles()
        let content = content
        @Sendable func fail(_ problem: FileProblem) {
            let path = sources[problem.file].map { content.displayPath(of: content.files[$0]) } ?? ""
            state.stop(problem.problem.authoringError(path: path))
        }
        let job = HashJob(
            line: ContentLine(layout), hasV1: version.hasV1, hasV2: version.hasV2,
            source: { file in
                guard let index = sources[file] else { return HashJob.Source(path: SystemPath([]), identity: nil) }
                let scanned = content.files[index]
                return HashJob.Source(path: content.systemPath(of: scanned), identity: scanned.identity)
            },
            finish: { piece, outcome in
                switch outcome {
                case .hashed(let first, let second):
                    if let first { v1.set(piece, to: first) }
                    if let second { v2.set(piece, to: second) }
                    return true
                case .chained:
                    return true
                case .unreadable(let problem):
                    fail(problem)
                    return false
                }
            },
            changed: fail, limits: limits, threads: threads)
        try job.run(state)
        do throws(MetainfoError) {
            return try builder.build(v1: Self.bytes(v1), v2: version.hasV2 ? fileHashes(v2) : [:])
        } catch {
            throw .metainfo(error)
        }
    }

    /// For each file of the layout its index in the scan; nil for padding. Both have the same order.
    private func scannedFiles() -> [Int?] {
        var next = 0
        return layout.files.map { file in
            guard !file.isPadding else { return nil }
            defer { next += 1 }
            return next < content.files.count ? next : nil
        }
    }

    /// The SHA-1 digests, concatenated.
    private static func bytes(_ digests: PieceResults<SHA1Digest>) -> [UInt8] {
        var bytes: [UInt8] = []
        let all = digests.all
        bytes.reserveCapacity(all.count * SHA1Digest.byteCount)
        for digest in all { digest.withUnsafeBytes { bytes.append(contentsOf: $0) } }
        return bytes
    }

    private func fileHashes(_ pieces: PieceResults<SHA256Digest>) -> [Int: TorrentBuilder.V2Hashes] {
        var hashes: [Int: TorrentBuilder.V2Hashes] = [:]
        let pad = MerkleTree.padHash(layer: MerkleTree.layers(above: layout.pieceLength / MerkleTree.leafSize))
        for (index, file) in layout.files.enumerated() where !file.isPadding && file.length > 0 {
            let layer = pieces[layout.pieces(ofFile: index)]
            let root = MerkleTree.root(ofLeaves: layer, leafCount: layer.count, pad: pad)
            let bytes = layer.count > 1 ? layer.withUnsafeBytes { Array($0) } : []
            hashes[index] = TorrentBuilder.V2Hashes(root: root, pieceLayer: bytes)
        }
        return hashes
    }
}

extension ReadProblem {
    /// This problem for a file that must not change.
    func authoringError(path: String) -> AuthoringError {
        switch self {
        case .system(let operation, let error): .system(operation: operation, path: path, error)
        case .notAFile, .short, .changed: .changedWhileRead(path: path)
        }
    }
}
