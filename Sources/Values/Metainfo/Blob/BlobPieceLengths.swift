/// The piece length of a blob, by its length. All who make metainfo of blobs must use the same: one digest then has one
/// info hash.
public struct BlobPieceLengths: Sendable, Hashable {
    /// From a length of the blob on, pieces of this length.
    public struct Step: Sendable, Hashable {
        /// In bytes.
        public let from: Int64
        /// In bytes, a multiple of 64.
        public let pieceLength: Int

        public init(from: Int64, pieceLength: Int) {
            self.from = from
            self.pieceLength = pieceLength
        }
    }

    /// Ascending by `from`; the first is from 0.
    public let steps: [Step]

    /// 256 KiB; above 64 MiB of blob 1 MiB, above 1 GiB 4 MiB.
    public static let standard = BlobPieceLengths(checked: [
        Step(from: 0, pieceLength: 256 << 10), Step(from: 64 << 20 + 1, pieceLength: 1 << 20),
        Step(from: 1 << 30 + 1, pieceLength: 4 << 20),
    ])

    private init(checked steps: [Step]) { self.steps = steps }

    /// - Parameter steps: in any order. Shorter blobs than the first step's have its piece length too.
    /// - Throws: `MetainfoError.badPieceLength` if a piece length is no multiple of 64 and of the step's before, or out of
    ///   `limits`; `badLength` if there is no step, or two are from the same length.
    public init(_ steps: [Step], limits: MetainfoLimits = .standard) throws(MetainfoError) {
        var sorted = steps.sorted { $0.from < $1.from }
        guard let first = sorted.first, first.from >= 0 else { throw .badLength("the table of piece lengths") }
        for step in sorted {
            guard step.pieceLength % 64 == 0, step.pieceLength >= limits.minPieceLength,
                step.pieceLength <= limits.maxPieceLength
            else { throw .badPieceLength(Int64(step.pieceLength)) }
        }
        for (step, next) in zip(sorted, sorted.dropFirst()) {
            guard step.from < next.from else { throw .badLength("the table of piece lengths") }
            guard next.pieceLength % step.pieceLength == 0 else { throw .badPieceLength(Int64(next.pieceLength)) }
        }
        sorted[0] = Step(from: 0, pieceLength: first.pieceLength)
        self.steps = sorted
    }

    /// The piece length of a blob of `length` bytes.
    public func pieceLength(for length: Int64) -> Int {
        steps[index(for: length)].pieceLength
    }

    /// The piece lengths that a blob of `length` bytes or more can have, ascending; each a multiple of the one before.
    public func possible(from length: Int64) -> [Int] {
        var lengths: [Int] = []
        for step in steps[index(for: length)...] where lengths.last != step.pieceLength {
            lengths.append(step.pieceLength)
        }
        return lengths
    }

    private func index(for length: Int64) -> Int { steps.lastIndex { $0.from <= length } ?? 0 }
}
