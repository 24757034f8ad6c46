import Hashing

/// The expected states of SHA-256 between the pieces of a blob: verifies pieces in any order, and with the last of them
/// the digest of the whole.
///
/// Let `C(s, x)` be the state that SHA-256 reaches from state `s` over `x`, whose length is a multiple of 64 bytes. By
/// definition the digest of a message M is `C(s0, M + padding)`, where `s0` is a constant and the padding states M's
/// length. Hashing in two parts is the same as at once: `C(s, x + y) = C(C(s, x), y)`.
///
/// M is cut into pieces `p[0]` … `p[n-1]`; all but the last are of the piece length, a multiple of 64. The chain gives
/// states `t[1]` … `t[n-1]`; `t[0]` is the constant `s0`. The check of a piece is
///
///     C(t[i], p[i]) = t[i+1]                     for i < n-1
///     C(t[n-1], p[n-1] + padding) = digest       for the last
///
/// *When every piece holds, the whole has the digest*, in whatever order they were checked: putting each equation into
/// the next gives `C(s0, p[0] + … + p[n-1] + padding) = digest`, which is the definition of "M has this digest and this
/// length". Nothing was assumed about the states, so it does not matter who made the chain. Other bytes that pass as
/// well would be a collision of SHA-256.
///
/// *A wrong chain is found out*, at the latest at the last piece: if `t[i+1]` is the first wrong state, the right piece
/// i leads to the right state and is refused. With a wrong chain no set of right pieces is complete.
///
/// *A single piece rests on the two states around it*, which the maker of the chain chose, perhaps together with the
/// bytes. Whoever uses pieces before all of them hold must have the chain from somebody they trust, or know the SHA-256
/// of the info dictionary that it is part of (``InfoExpectation``).
public struct SHA256Chain: Sendable, Hashable {
    /// The key of the states in an info dictionary.
    public static let key = "sha256 chain"

    /// The digest of the whole.
    public let digest: SHA256Digest
    /// In bytes, more than 0.
    public let length: Int64
    /// In bytes, a multiple of 64.
    public let pieceLength: Int
    /// For each piece but the first the state at its start, 32 bytes each.
    public let states: ArraySlice<UInt8>

    /// - Throws: `MetainfoError.badChain` if these cannot belong together.
    public init(
        digest: SHA256Digest, length: Int64, pieceLength: Int, states: ArraySlice<UInt8>
    ) throws(MetainfoError) {
        guard length > 0 else { throw .noContent }
        guard pieceLength > 0, pieceLength % Self.blockSize == 0 else {
            throw .badChain("its piece length \(pieceLength) is no multiple of 64")
        }
        let pieces = (length - 1) / Int64(pieceLength) + 1
        let (bytes, overflow) = (pieces - 1).multipliedReportingOverflow(by: Int64(SHA256State.byteCount))
        guard !overflow, Int64(states.count) == bytes else {
            throw .badChain(
                "\(pieces) pieces need \(overflow ? Int64.max : bytes) bytes of states, not \(states.count)")
        }
        self.digest = digest
        self.length = length
        self.pieceLength = pieceLength
        self.states = states
    }

    private static let blockSize = 64

    public var pieceCount: Int { states.count / SHA256State.byteCount + 1 }

    /// The state at the start of a piece; nil for a piece that does not exist.
    public func start(of piece: PieceIndex) -> SHA256State? {
        guard piece.value >= 0, piece.value < pieceCount else { return nil }
        guard piece.value > 0 else { return .initial }
        let start = states.startIndex + (piece.value - 1) * SHA256State.byteCount
        return SHA256State(bytes: states[start..<start + SHA256State.byteCount])
    }

    /// The state in which a piece must end: for the last piece, after the padding, the digest. Nil for a piece that
    /// does not exist.
    public func end(of piece: PieceIndex) -> SHA256State? {
        guard piece.value >= 0, piece.value < pieceCount else { return nil }
        guard piece.value < pieceCount - 1 else { return SHA256State(endingIn: digest) }
        return start(of: PieceIndex(unchecked: piece.value + 1))
    }

    /// In bytes; 0 for a piece that does not exist.
    public func length(of piece: PieceIndex) -> Int {
        guard piece.value >= 0, piece.value < pieceCount else { return 0 }
        return Int(min(Int64(pieceLength), length - Int64(piece.value) * Int64(pieceLength)))
    }

    /// Whether a piece is right whose bytes were given to `stream`, which began at the piece's start (``stream(for:)``).
    public func isRight(_ piece: PieceIndex, _ stream: SHA256Stream) -> Bool {
        guard let expected = end(of: piece), stream.byteCount == offset(of: piece) + Int64(length(of: piece)) else {
            return false
        }
        return piece.value == pieceCount - 1 ? stream.digest == digest : stream.state == expected
    }

    /// Hashes a piece that arrives in parts; nil for a piece that does not exist.
    public func stream(for piece: PieceIndex) -> SHA256Stream? {
        start(of: piece).flatMap { SHA256Stream(from: $0, at: offset(of: piece)) }
    }

    /// Verifies pieces of the right length (others are wrong); results are in the same order. Several are hashed at the
    /// same time.
    public func verify(_ batch: [(PieceIndex, UnsafeRawBufferPointer)]) -> [Bool] {
        let ends = SHA256.states(
            after: batch.map { piece, bytes in
                let isLast = piece.value == pieceCount - 1
                return SHA256Run(
                    from: start(of: piece) ?? .initial, bytes.count == length(of: piece) ? bytes : .empty,
                    endOfMessageOf: isLast ? length : nil)
            })
        return batch.indices.map { index in
            let (piece, bytes) = batch[index]
            return bytes.count > 0 && bytes.count == length(of: piece) && ends[index] == end(of: piece)
        }
    }

    private func offset(of piece: PieceIndex) -> Int64 { Int64(piece.value) * Int64(pieceLength) }
}

extension UnsafeRawBufferPointer {
    fileprivate static var empty: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
}
