/// BT gets the first files of the torrent's order, the others share what follows: so the pieces of the BT share hold
/// nothing else.
struct HeadAndTail {
    let sizes: [Int64]
    let shares: Shares

    /// How many lengths of the head are tried, nearest to the share first.
    private static let maxHeads = 64

    func owners() -> [DeliveryMethod] {
        let unit = Int128(shares.sum)
        let total = sizes.reduce(Int128(0)) { $0 + Int128(max($1, 0)) }
        // How far the head of each length is from the share.
        var offsets = [-total * Int128(shares.bt)]
        for size in sizes { offsets.append((offsets.last ?? 0) + Int128(max(size, 0)) * unit) }
        if shares.obs == 0 && shares.cdn == 0 { return sizes.map { _ in .bt } }
        // Equally near: the longer head, since peers cost least.
        let heads = offsets.indices.sorted { (offsets[$0].magnitude, $1) < (offsets[$1].magnitude, $0) }
        var best: [DeliveryMethod] = []
        var bestValue = SplitValue.worst
        for head in heads.prefix(Self.maxHeads) {
            // The head alone is off by this much, and the others together by as much the other way.
            guard Int128(clamping: offsets[head].magnitude * 2) <= bestValue.sum else { break }
            let owners = owners(head: head)
            var score = SplitScore(targets: PerMethod(bt: shares.bt, obs: shares.obs, cdn: shares.cdn), sizes: sizes)
            for (file, owner) in owners.enumerated() { score.give(sizes[file], to: owner) }
            if score.value < bestValue {
                bestValue = score.value
                best = owners
            }
        }
        return best
    }

    private func owners(head: Int) -> [DeliveryMethod] {
        let tail = Array(sizes[head...])
        let partition = Partition(
            sizes: tail, targets: PerMethod(bt: 0, obs: shares.obs, cdn: shares.cdn),
            maxSteps: ContentSplit.maxSteps / Self.maxHeads)
        return Array(repeating: .bt, count: head) + partition.owners()
    }
}
