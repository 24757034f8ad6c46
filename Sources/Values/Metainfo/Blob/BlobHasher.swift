import Hashing

/// One reading of a blob from its beginning to its end, in parts as they come: its digest, its chain, and the SHA-1s of
/// its pieces. Each byte is hashed once by each function, both at the same time.
///
/// The piece length depends on the length of the blob, which need not be known before the end: pieces of all lengths
/// that are still possible are hashed beside each other. Knowing the length is faster.
///
/// An interrupted reading goes on from a ``BlobSnapshot``.
public struct BlobHasher: Sendable {
    /// The pieces of one length that the blob may have.
    private struct Candidate {
        let pieceLength: Int
        /// The SHA-1s of the complete pieces that bytes follow.
        var pieces: [UInt8] = []
    }

    /// The results of a reading.
    public struct Result: Sendable, Hashable {
        public let digest: SHA256Digest
        /// In bytes.
        public let length: Int64
        public let pieceLength: Int
        /// The SHA-1 of each piece, 20 bytes each.
        public let pieces: [UInt8]
        /// For each piece but the first SHA-256's state at its start, 32 bytes each.
        public let states: [UInt8]

        /// The info dictionary of the blob.
        /// - Throws: `MetainfoError.noContent` for an empty blob, which has none.
        public func info() throws(MetainfoError) -> BlobInfo {
            try BlobInfo(digest: digest, length: length, pieceLength: pieceLength, pieces: pieces, states: states)
        }
    }

    /// The length that the blob is expected to have; nil if that is unknown.
    public let expectedLength: Int64?
    private let lengths: BlobPieceLengths
    /// Ascending by piece length, each a multiple of the one before; a lane of `stream` for each.
    private var candidates: [Candidate]
    /// The states at the multiples of the first candidate's piece length that bytes follow.
    private var states: [UInt8] = []
    private var stream: DualStream
    /// Where pieces were ended last.
    private var closedAt: Int64 = 0
    /// The blob has at least so many bytes, however many of them were taken.
    private var leastLength: Int64 = 0

    /// - Parameters:
    ///   - lengths: the table of piece lengths.
    ///   - length: the length of the blob, if it is known. A blob of another length is hashed too, in pieces of the
    ///     length for the expected one: compare it with the result's.
    public init(lengths: BlobPieceLengths = .standard, length: Int64? = nil) {
        self.lengths = lengths
        expectedLength = length
        candidates = Self.candidates(lengths, length: length, from: 0).map { Candidate(pieceLength: $0) }
        stream = DualStream(lanes: candidates.count)
    }

    /// Goes on from a snapshot, which may have been made without knowledge of the length.
    /// - Throws: `MetainfoError.badLength` if the snapshot was made with another table of piece lengths, or for a shorter
    ///   blob.
    public init(
        from snapshot: BlobSnapshot, lengths: BlobPieceLengths = .standard, length: Int64? = nil
    ) throws(MetainfoError) {
        if let length, length < snapshot.leastLength { throw .badLength("the snapshot of the blob") }
        let wanted = Self.candidates(lengths, length: length, from: snapshot.leastLength)
        var candidates: [Candidate] = []
        for pieceLength in wanted {
            guard let pieces = snapshot.pieces[pieceLength] else { throw .badLength("the snapshot of the blob") }
            candidates.append(Candidate(pieceLength: pieceLength, pieces: pieces))
        }
        guard let stream = DualStream(from: snapshot.state, at: snapshot.position, lanes: wanted.count),
            let first = wanted.first
        else { throw .badLength("the snapshot of the blob") }
        self.lengths = lengths
        expectedLength = length
        self.candidates = candidates
        self.stream = stream
        states = Self.states(snapshot.states, every: snapshot.shortest, to: first)
        closedAt = snapshot.position
        leastLength = snapshot.leastLength
    }

    private static func candidates(_ lengths: BlobPieceLengths, length: Int64?, from least: Int64) -> [Int] {
        if let length { return [lengths.pieceLength(for: length)] }
        return lengths.possible(from: least)
    }

    /// The states at multiples of `next`, of those at multiples of `pieceLength`.
    private static func states(_ states: [UInt8], every pieceLength: Int, to next: Int) -> [UInt8] {
        let (size, step) = (SHA256State.byteCount, next / max(1, pieceLength))
        guard step > 1 else { return states }
        return stride(from: step - 1, to: states.count / size, by: step).flatMap {
            states[$0 * size..<($0 + 1) * size]
        }
    }

    /// Bytes taken so far.
    public var byteCount: Int64 { stream.byteCount }

    /// Takes the next bytes of the blob. Parts of 64 KiB or more are fastest.
    public mutating func update(_ part: UnsafeRawBufferPointer) {
        var part = part
        while !part.isEmpty {
            let step = Int64(candidates[0].pieceLength)
            if byteCount > closedAt, byteCount % step == 0 { closePieces() }
            let count = min(Int64(part.count), step - byteCount % step)
            stream.update(UnsafeRawBufferPointer(rebasing: part[..<Int(count)]))
            part = UnsafeRawBufferPointer(rebasing: part[Int(count)...])
        }
        dropCandidates()
    }

    public mutating func update(_ part: [UInt8]) { part.withUnsafeBytes { update($0) } }

    /// Ends the pieces that end here. More bytes follow.
    private mutating func closePieces() {
        closedAt = byteCount
        if let state = stream.state { states += state.bytes }
        for index in candidates.indices where byteCount % Int64(candidates[index].pieceLength) == 0 {
            candidates[index].pieces += stream.sha1(index).bytes
            stream.restart(index)
        }
    }

    /// The blob is to have so many bytes or more, as its sender says: pieces of lengths that are only for shorter blobs are not
    /// hashed any more. If it ends earlier all the same, ``hasRightPieces`` is false.
    public mutating func expect(atLeast length: Int64) {
        guard expectedLength == nil else { return }
        leastLength = max(leastLength, length)
        dropCandidates()
    }

    /// Whether the pieces are those of a blob of the bytes taken so far. They are not where another length was expected.
    public var hasRightPieces: Bool { candidates[0].pieceLength == lengths.pieceLength(for: byteCount) }

    /// Drops piece lengths for which the blob is too long.
    private mutating func dropCandidates() {
        leastLength = max(leastLength, byteCount)
        guard candidates.count > 1, expectedLength == nil else { return }
        let left = lengths.pieceLength(for: leastLength)
        while candidates.count > 1, candidates[0].pieceLength != left {
            states = Self.states(states, every: candidates[0].pieceLength, to: candidates[1].pieceLength)
            candidates.removeFirst()
            stream.removeFirstLane()
        }
    }

    /// The results for the bytes taken so far.
    public func finish() -> Result {
        let candidate = candidates[0]
        // After a snapshot without any byte more, the last piece has ended, and no piece begins here.
        let isClosed = byteCount == closedAt
        return Result(
            digest: stream.digest, length: byteCount, pieceLength: candidate.pieceLength,
            pieces: isClosed ? candidate.pieces : candidate.pieces + stream.sha1(0).bytes,
            states: isClosed ? states.dropLast(SHA256State.byteCount) : states)
    }

    /// What is needed to go on later, at the last place before the end where a piece of every possible length begins.
    /// The bytes from its position on must be given again.
    public var snapshot: BlobSnapshot {
        let longest = Int64(candidates[candidates.count - 1].pieceLength)
        let position = max(0, byteCount - 1) / longest * longest
        let shortest = candidates[0].pieceLength
        var pieces: [Int: [UInt8]] = [:]
        for candidate in candidates {
            let count = Int(position / Int64(candidate.pieceLength))
            pieces[candidate.pieceLength] = Array(candidate.pieces.prefix(count * SHA1Digest.byteCount))
        }
        let count = Int(position / Int64(shortest))
        return BlobSnapshot(
            position: position, leastLength: leastLength, states: Array(states.prefix(count * SHA256State.byteCount)),
            pieces: pieces)
    }
}
