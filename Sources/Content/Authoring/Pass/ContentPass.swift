import Files
import Glibc
import Hashing
import Metainfo
import Threads

/// Reads a content once and computes the SHA-1 of whole files and the hashes of any number of torrents of them.
///
/// The digest of a file must be computed from its beginning to its end, so threads are assigned files, not pieces. Each
/// file is read once, by one thread, and every digest that it is part of is fed from the same block. Pieces that
/// contain several files are assembled in memory. Files are started in order, so there are few of these at any time.
package struct ContentPass: Sendable {
    /// The hashes wanted for one torrent.
    package struct Line: Sendable {
        package let layout: ContentLayout
        package let version: Info.Version
        /// For each file of the layout its index in the scan; nil for padding.
        package let files: [Int?]
        /// Number of pieces from the start that are not hashed; their results are zeros. For a torrent whose content
        /// begins like that of another.
        package var skippedPieces = 0

        /// - Parameter files: see the property.
        package init(layout: ContentLayout, version: Info.Version, files: [Int?]) {
            self.layout = layout
            self.version = version
            self.files = files
        }
    }

    /// The results.
    package struct Digests: Sendable {
        /// By index in the scan; nil for a file whose digest was not requested.
        package let files: [SHA1Digest?]
        /// For each line, the SHA-1 of each of its pieces; empty without a v1 half.
        package let v1: [[SHA1Digest]]
        /// For each line, the v2 hashes by index in the layout's files; empty without a v2 half.
        package let v2: [[Int: TorrentBuilder.V2Hashes]]

        package init(files: [SHA1Digest?], v1: [[SHA1Digest]], v2: [[Int: TorrentBuilder.V2Hashes]]) {
            self.files = files
            self.v1 = v1
            self.v2 = v2
        }
    }

    let content: ScannedContent
    let wanted: Set<Int>
    let lines: [Line]
    let limits: AuthoringLimits
    let threads: Int?

    /// - Parameters:
    ///   - fileDigests: indices in the scan of the files whose own digest is wanted.
    ///   - threads: number of threads that read and hash; nil for one on each processor.
    package init(
        _ content: ScannedContent, fileDigests: Set<Int>, lines: [Line], limits: AuthoringLimits = .standard,
        threads: Int? = nil
    ) {
        self.content = content
        wanted = fileDigests
        self.lines = lines
        self.limits = limits
        self.threads = threads
    }

    /// Reads everything that any digest needs, once, on threads of its own. Ends soon after its task is cancelled.
    /// - Throws: `changedWhileRead`, `system`, `noMemory`, `cancelled`.
    package func run(
        progress: @escaping @Sendable (HashProgress) -> Void = { _ in }
    ) async throws(AuthoringError) -> Digests {
        let state = HashState(interval: limits.progressInterval, report: progress)
        let result = await withTaskCancellationHandler {
            await Threads.offload { [self] in
                Result { () throws(AuthoringError) in try run(state) }
            }
        } onCancel: {
            state.stop(.cancelled)
        }
        return try result.get()
    }

    /// The same on the calling thread, which blocks.
    private func run(_ state: HashState) throws(AuthoringError) -> Digests {
        let shared = PassShared(self)
        let order = content.files.indices.filter { wanted.contains($0) || !shared.places[$0].isEmpty }
        state.setTotal(order.reduce(0) { $0 + content.files[$1].length })
        let count = max(1, min(threads ?? Threads.processors, limits.maxThreads, order.count))
        Threads.run(count) {
            guard var worker = PassWorker(shared, state, order: order) else {
                return state.stop(.noMemory(bytes: PassWorker.blockBytes))
            }
            worker.run()
        }
        if let failure = state.firstFailure { throw failure }
        state.reportEnd()
        return shared.digests()
    }
}

/// What the threads of one pass share.
final class PassShared: Sendable {
    /// The position of a file in a line.
    struct Place: Sendable {
        let line: Int
        /// Index in the layout's files, and start in the line, in bytes.
        let file: Int
        let offset: Int64
    }

    let pass: ContentPass
    /// By index in the scan.
    let places: [[Place]]
    let fileDigests: PieceResults<SHA1Digest>
    let v1: [PieceResults<SHA1Digest>]
    let v2: [PieceResults<SHA256Digest>]
    let gathering: [GatheredPieces]

    init(_ pass: ContentPass) {
        self.pass = pass
        var places = [[Place]](repeating: [], count: pass.content.files.count)
        for (number, line) in pass.lines.enumerated() {
            for (index, scanned) in line.files.enumerated() {
                guard let scanned, places.indices.contains(scanned), line.layout.files[index].length > 0 else {
                    continue
                }
                let file = line.layout.files[index]
                guard file.end > Int64(line.skippedPieces) * Int64(line.layout.pieceLength) || line.version.hasV2
                else { continue }
                places[scanned].append(Place(line: number, file: index, offset: file.offset))
            }
        }
        self.places = places
        fileDigests = PieceResults(repeating: .zero, count: pass.content.files.count)
        let v1 = pass.lines.map {
            PieceResults(repeating: SHA1Digest.zero, count: $0.version.hasV1 ? $0.layout.pieceCount : 0)
        }
        self.v1 = v1
        v2 = pass.lines.map {
            PieceResults(repeating: SHA256Digest.zero, count: $0.version.hasV2 ? $0.layout.pieceCount : 0)
        }
        gathering = pass.lines.indices.map { index in
            GatheredPieces(pass.lines[index].layout) { piece, digest in v1[index].set(piece, to: digest) }
        }
    }

    func digests() -> ContentPass.Digests {
        let all = fileDigests.all
        return ContentPass.Digests(
            files: pass.content.files.indices.map { index in
                guard pass.wanted.contains(index) else { return nil }
                return pass.content.files[index].length == 0 ? SHA1.digest([UInt8]()) : all[index]
            },
            v1: v1.map(\.all),
            v2: pass.lines.indices.map { index in
                pass.lines[index].version.hasV2 ? Self.fileHashes(v2[index], pass.lines[index].layout) : [:]
            })
    }

    private static func fileHashes(
        _ pieces: PieceResults<SHA256Digest>, _ layout: ContentLayout
    ) -> [Int: TorrentBuilder.V2Hashes] {
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
