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
    /// - Throws: `MetainfoError.badPieceLength` if a piece length is no multiple of 64, or out of `limits`;
    ///   `badLength` if there is no step, or two are from the same length.
    public init(_ steps: [Step], limits: MetainfoLimits = .standard) throws(MetainfoError) {
        var sorted = steps.sorted { $0.from < $1.from }
        guard let first = sorted.first, first.from >= 0 else { throw .badLength("the table of piece lengths") }
        for step in sorted {
            guard step.pieceLength % 64 == 0, step.pieceLength >= limits.minPieceLength,
                step.pieceLength <= limits.maxPieceLength
            else { throw .badPieceLength(Int64(step.pieceLength)) }
        }
        guard zip(sorted, sorted.dropFirst()).allSatisfy({ $0.from < $1.from }) else {
            throw .badLength("the table of piece lengths")
        }
        sorted[0] = Step(from: 0, pieceLength: first.pieceLength)
        self.steps = sorted
    }

    /// The piece length of a blob of `length` bytes.
    public func pieceLength(for length: Int64) -> Int {
        (steps.last { $0.from <= length } ?? steps[0]).pieceLength
    }

    /// The piece lengths that a blob of `length` bytes or more can have, from the one of `length` on; each once.
    public func possible(from length: Int64) -> [Int] {
        let current = steps.lastIndex { $0.from <= length } ?? 0
        var lengths: [Int] = []
        for step in steps[current...] where !lengths.contains(step.pieceLength) { lengths.append(step.pieceLength) }
        return lengths
    }
}
