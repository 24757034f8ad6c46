/// Divides files among methods (section 3 of the contract): as close to the shares as whole files allow, and
/// deterministic.
package enum ContentSplit {
    /// - Parameters:
    ///   - sizes: bytes of each file, in the torrent's order. If `torrentOrder` is false, the order only decides
    ///     between files of equal size.
    ///   - torrentOrder: whether BT gets a run of files from the start of that order, and the others the rest.
    /// - Returns: for each method the indices of its files in `sizes`, ascending. Every file is in one list; a method
    ///   with a share of 0 has none.
    package static func assign(_ sizes: [Int64], shares: Shares, torrentOrder: Bool) -> [DeliveryMethod: [Int]] {
        let owners =
            torrentOrder && shares.bt > 0
            ? HeadAndTail(sizes: sizes, shares: shares).owners()
            : Partition(
                sizes: sizes, score: SplitScore(shares: shares, sizes: sizes), methods: shares.methods
            ).owners()
        var lists: [DeliveryMethod: [Int]] = [.bt: [], .obs: [], .cdn: []]
        for (file, owner) in owners.enumerated() { lists[owner]?.append(file) }
        return lists
    }

    /// The deviation of an assignment from the shares: the sum over the methods of |bytes - share|, times the sum of
    /// the shares so that it is an integer.
    package static func distance(_ lists: [DeliveryMethod: [Int]], sizes: [Int64], shares: Shares) -> Int128 {
        var score = SplitScore(shares: shares, sizes: sizes)
        for (method, files) in lists { for file in files { score.give(sizes[file], to: method) } }
        return score.value.sum
    }

    /// Maximum number of steps of a search: enough to be exact for the dozen files of a package. It bounds the time for
    /// content with 100,000 files, where each file is small compared with a share.
    static let maxSteps = 200_000
}

/// Assigned bytes compared with the shares, in bytes times the sum of the shares.
struct SplitScore {
    /// Bytes that each method is still to get; negative if it has too many.
    private(set) var missing: PerMethod<Int128>
    private let unit: Int128

    init(shares: Shares, sizes: some Sequence<Int64>) {
        unit = Int128(shares.sum)
        let total = sizes.reduce(Int128(0)) { $0 + Int128(max($1, 0)) }
        missing = PerMethod(
            bt: total * Int128(shares.bt), obs: total * Int128(shares.obs), cdn: total * Int128(shares.cdn))
    }

    mutating func give(_ size: Int64, to method: DeliveryMethod) { missing[method] -= Int128(max(size, 0)) * unit }
    mutating func withdraw(_ size: Int64, from method: DeliveryMethod) {
        missing[method] += Int128(max(size, 0)) * unit
    }

    /// The method of `methods` that needs most bytes; of equal ones the first.
    func neediest(of methods: [DeliveryMethod]) -> DeliveryMethod {
        var best = methods[0]
        for method in methods where missing[method] > missing[best] { best = method }
        return best
    }

    /// The sum of the deviations, and for equal sums how unevenly they are distributed.
    var value: SplitValue {
        let (bt, obs, cdn) = (abs(missing.bt), abs(missing.obs), abs(missing.cdn))
        let greatest = max(bt, obs, cdn)
        return SplitValue(sum: bt + obs + cdn, spread: greatest - min(bt, obs, cdn))
    }

    /// Lower bound of the sum: the excess of methods cannot shrink, and is missing elsewhere.
    var bound: Int128 { 2 * (max(0, -missing.bt) + max(0, -missing.obs) + max(0, -missing.cdn)) }
}

struct SplitValue: Comparable {
    var sum: Int128
    var spread: Int128

    static let worst = SplitValue(sum: .max, spread: .max)

    static func < (left: SplitValue, right: SplitValue) -> Bool {
        (left.sum, left.spread) < (right.sum, right.spread)
    }
}
