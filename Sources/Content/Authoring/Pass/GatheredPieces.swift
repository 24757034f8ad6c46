import Hashing
import Metainfo
import Synchronization

/// Assembles the pieces of a v1 layout that contain several files. Their parts come from different threads in any
/// order; after the last part the piece is hashed.
final class GatheredPieces: Sendable {
    private struct Piece {
        var bytes: [UInt8]
        var missing: Int
    }

    private let layout: ContentLayout
    private let open = Mutex<[Int: Piece]>([:])
    private let finish: @Sendable (_ piece: Int, SHA1Digest) -> Void

    init(_ layout: ContentLayout, finish: @escaping @Sendable (_ piece: Int, SHA1Digest) -> Void) {
        self.layout = layout
        self.finish = finish
    }

    /// Adds a part of a piece. Padding is zeros and is never added.
    /// - Parameter offset: from the start of the piece, in bytes.
    func add(_ part: UnsafeRawBufferPointer, to piece: Int, at offset: Int) {
        let whole = open.withLock { open -> [UInt8]? in
            var entry = open.removeValue(forKey: piece) ?? begin(piece)
            let end = min(entry.bytes.count, offset + part.count)
            guard offset >= 0, offset < end else { return nil }
            entry.bytes.withUnsafeMutableBytes {
                UnsafeMutableRawBufferPointer(rebasing: $0[offset..<end])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: part[..<(end - offset)]))
            }
            entry.missing -= end - offset
            if entry.missing <= 0 { return entry.bytes }
            open[piece] = entry
            return nil
        }
        if let whole { finish(piece, SHA1.digest(whole)) }
    }

    private func begin(_ piece: Int) -> Piece {
        guard let index = layout.piece(piece) else { return Piece(bytes: [], missing: 0) }
        let data = layout.spans(of: index).reduce(0) { $0 + ($1.isPadding ? 0 : $1.length) }
        return Piece(bytes: [UInt8](repeating: 0, count: layout.length(of: index)), missing: data)
    }
}
