/// BT gets the first files in the torrent's order, and the other methods share the rest. So the pieces of the BT share
/// contain no other files.
struct HeadAndTail {
    let sizes: [Int64]
    let shares: Shares

    /// Number of head lengths that are tried, the closest to the share first.
    private static let maxHeads = 64

    func owners() -> [DeliveryMethod] {
        let unit = Int128(shares.sum)
        let total = sizes.reduce(Int128(0)) { $0 + Int128(max($1, 0)) }
        // The deviation of each head length from the share.
        var offsets = [-total * Int128(shares.bt)]
        for size in sizes { offsets.append((offsets.last ?? 0) + Int128(max(size, 0)) * unit) }
        if shares.obs == 0 && shares.cdn == 0 { return sizes.map { _ in .bt } }
        // Of equally close heads the longer, because peers cost least.
        let heads = offsets.indices.sorted { (offsets[$0].magnitude, $1) < (offsets[$1].magnitude, $0) }
        var best: [DeliveryMethod] = []
        var bestValue = SplitValue.worst
        var bestHead = -1
        for head in heads.prefix(Self.maxHeads) {
            // The head alone deviates by this much, and the other methods together by as much in the other direction.
            guard Int128(clamping: offsets[head].magnitude * 2) <= bestValue.sum else { break }
            let (owners, value) = split(head: head)
            if value < bestValue || value == bestValue && head > bestHead {
                (best, bestValue, bestHead) = (owners, value, head)
            }
        }
        return best
    }

    private func split(head: Int) -> ([DeliveryMethod], SplitValue) {
        var score = SplitScore(shares: shares, sizes: sizes)
        for size in sizes[..<head] { score.give(size, to: .bt) }
        let partition = Partition(
            sizes: Array(sizes[head...]), score: score, methods: shares.methods.filter { $0 != .bt },
            maxSteps: ContentSplit.maxSteps / 8)
        let owners = partition.owners()
        for (size, owner) in zip(sizes[head...], owners) { score.give(size, to: owner) }
        return (Array(repeating: .bt, count: head) + owners, score.value)
    }
}
