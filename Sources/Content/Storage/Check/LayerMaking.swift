import Hashing
import Metainfo
import Synchronization

/// Computes missing piece layers of a torrent from the content itself (BEP 52). Only layers that lead to their file's
/// root are used, so wrong or missing content yields none.
package struct LayerMaking: Sendable {
    private let files: ContentFiles
    private let isCancelled: @Sendable () -> Bool

    /// - Parameter isCancelled: called between pieces by any of the threads.
    package init(files: ContentFiles, isCancelled: @escaping @Sendable () -> Bool = { false }) {
        self.files = files
        self.isCancelled = isCancelled
    }

    /// Reads the files whose layers are missing, once.
    /// - Returns: `hashes` with the computed layers.
    /// - Throws: `.cancelled`. Unreadable files get no layer; the check that follows reports why.
    package func add(to hashes: PieceHashes, parallelism: Parallelism = .none) throws(StorageError) -> PieceHashes {
        let missing = hashes.filesMissingLayers
        let pieces = missing.flatMap { Array(files.layout.pieces(ofFile: $0)) }
        guard !pieces.isEmpty else { return hashes }
        let affordable = files.limits.checkBytes / max(1, files.layout.pieceLength)
        let work = PieceRoots(files: files, pieces: pieces, isCancelled: isCancelled)
        parallelism.run(min(parallelism.width, pieces.count, max(1, affordable))) { _ in work.run() }
        if isCancelled() { throw StorageError(.cancelled, "check", path: files.root.path) }
        let roots = work.found
        var hashes = hashes
        for file in missing {
            let nodes = files.layout.pieces(ofFile: file).compactMap { roots[$0] }
            try? hashes.add(layer: nodes.flatMap(\.bytes), ofFile: file)
        }
        return hashes
    }
}

/// The roots of pieces, computed by several threads.
private final class PieceRoots: Sendable {
    private let files: ContentFiles
    private let pieces: [Int]
    private let isCancelled: @Sendable () -> Bool
    private let state = Mutex(State())

    private struct State {
        var next = 0
        var roots: [Int: SHA256Digest] = [:]
    }

    init(files: ContentFiles, pieces: [Int], isCancelled: @escaping @Sendable () -> Bool) {
        self.files = files
        self.pieces = pieces
        self.isCancelled = isCancelled
    }

    /// By piece; unreadable pieces are not included.
    var found: [Int: SHA256Digest] { state.withLock { $0.roots } }

    func run() {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: files.layout.pieceLength, alignment: 4096)
        defer { memory.deallocate() }
        while !isCancelled() {
            let next = state.withLock { state -> Int? in
                guard state.next < pieces.count else { return nil }
                state.next += 1
                return pieces[state.next - 1]
            }
            guard let next else { return }
            guard let root = try? root(of: PieceIndex(unchecked: next), memory) else { continue }
            state.withLock { $0.roots[next] = root }
        }
    }

    private func root(
        of piece: PieceIndex, _ memory: UnsafeMutableRawBufferPointer
    ) throws(StorageError) -> SHA256Digest {
        let layout = files.layout
        // Padding after a hybrid torrent's file is not part of its tree.
        let length = layout.spans(of: piece).prefix { !$0.isPadding }.reduce(0) { $0 + $1.length }
        let part = UnsafeMutableRawBufferPointer(rebasing: memory[..<length])
        try files.read(piece, 0..<length, into: part)
        return MerkleTree.root(
            ofLeaves: MerkleTree.blockHashes(UnsafeRawBufferPointer(part)),
            leafCount: layout.pieceLength / MerkleTree.leafSize)
    }
}
