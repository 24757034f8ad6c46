import Hashing
import Metainfo

/// Makes of bytes that come in order, in one pass, the blob's digest and its torrent: SHA-256 with its state between pieces, and
/// the SHA-1 of each piece.
///
/// How long pieces are is known only when the length of the blob is, so the SHA-1 of pieces of each length that is still possible
/// is made side by side, in lanes of one thread. A length that has become impossible is dropped.
///
/// Safe as `@unchecked Sendable`: the memory of the lanes belongs to this value alone, and it cannot be copied.
struct BlobDigester: ~Copyable, @unchecked Sendable {
    private let lengths: BlobPieceLengths
    private var sha256 = SHA256Stream()
    private var sha1: SHA1Streams
    private var lanes: [Lane]
    private var byteCount: Int64 = 0

    /// The pieces of one length so far.
    private struct Lane {
        let pieceLength: Int
        var pieces: [UInt8] = []
        var states: [UInt8] = []
        var isPossible = true
    }

    init(lengths: BlobPieceLengths = .standard) {
        self.lengths = lengths
        // More lengths than lanes are not configured: they would have to be hashed in a second pass.
        lanes = lengths.possible(from: 0).prefix(SHA1Streams.mostLanes).map { Lane(pieceLength: $0) }
        sha1 = SHA1Streams(laneCount: lanes.count)
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var bytes = bytes
        while !bytes.isEmpty {
            // Up to the next end of a piece, in whatever lane.
            let step = lanes.filter(\.isPossible).map { $0.pieceLength - Int(byteCount % Int64($0.pieceLength)) }.min()
            let part = UnsafeRawBufferPointer(rebasing: bytes[..<min(bytes.count, step ?? bytes.count)])
            beginPieces()
            sha256.update(part)
            sha1.update(lanes.map { $0.isPossible ? part : UnsafeRawBufferPointer(start: nil, count: 0) })
            byteCount += Int64(part.count)
            endPieces()
            bytes = UnsafeRawBufferPointer(rebasing: bytes[part.count...])
        }
    }

    private mutating func beginPieces() {
        for index in lanes.indices where lanes[index].isPossible && byteCount > 0 {
            guard byteCount % Int64(lanes[index].pieceLength) == 0, let state = sha256.state else { continue }
            lanes[index].states.append(contentsOf: state.bytes)
        }
    }

    private mutating func endPieces() {
        let possible = lengths.possible(from: byteCount)
        for index in lanes.indices where lanes[index].isPossible {
            if !possible.contains(lanes[index].pieceLength) {
                lanes[index] = Lane(pieceLength: lanes[index].pieceLength, isPossible: false)
            } else if byteCount % Int64(lanes[index].pieceLength) == 0 {
                endPiece(of: index)
            }
        }
    }

    private mutating func endPiece(of index: Int) {
        guard let digest = sha1.finish(index) else { return }
        lanes[index].pieces.append(contentsOf: digest.bytes)
    }

    /// The digest of what has come so far.
    var digest: SHA256Digest { sha256.digest }

    /// The torrent of all that came; nil for nothing, which has none. Call once, last.
    mutating func finish() -> BlobInfo? {
        let pieceLength = lengths.pieceLength(for: byteCount)
        guard byteCount > 0, let index = lanes.firstIndex(where: { $0.pieceLength == pieceLength && $0.isPossible })
        else { return nil }
        if byteCount % Int64(pieceLength) != 0 { endPiece(of: index) }
        return try? BlobInfo(
            digest: sha256.digest, length: byteCount, pieceLength: pieceLength, pieces: lanes[index].pieces,
            states: lanes[index].states)
    }
}
