/// Turns shares into whole files (section 3 of the contract): as close to the shares as whole files allow, the same
/// answer every time.
package enum ContentSplit {
    /// - Parameters:
    ///   - sizes: bytes of each file, in the torrent's order; with `torrentOrder` false the order decides only between
    ///     files of one size.
    ///   - torrentOrder: whether BT gets a run from the head of that order and the others what follows.
    /// - Returns: for each method the places of its files in `sizes`, ascending. Every file is in one list; a method
    ///   whose share is 0 has none.
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

    /// How far an assignment is from the shares: the sum over the methods of |bytes - share|, times the sum of the
    /// shares so that it is whole.
    package static func distance(_ lists: [DeliveryMethod: [Int]], sizes: [Int64], shares: Shares) -> Int128 {
        var score = SplitScore(shares: shares, sizes: sizes)
        for (method, files) in lists { for file in files { score.give(sizes[file], to: method) } }
        return score.value.sum
    }

    /// How many steps a search may take: enough to be exact for the dozen files that a package has, and a bound for the
    /// hundred thousand that another content may have, where files are small beside a share.
    static let maxSteps = 200_000
}

/// Bytes given so far, against what the shares ask for. Everything is counted in bytes times the sum of the shares.
struct SplitScore {
    /// What each method still lacks; below 0 it has too much.
    private(set) var missing: PerMethod<Int128>
    private let unit: Int128

    init(shares: Shares, sizes: some Sequence<Int64>) {
        unit = Int128(shares.sum)
        let total = sizes.reduce(Int128(0)) { $0 + Int128(max($1, 0)) }
        missing = PerMethod(
            bt: total * Int128(shares.bt), obs: total * Int128(shares.obs), cdn: total * Int128(shares.cdn))
    }

    mutating func give(_ size: Int64, to method: DeliveryMethod) { missing[method] -= Int128(max(size, 0)) * unit }
    mutating func take(_ size: Int64, from method: DeliveryMethod) { missing[method] += Int128(max(size, 0)) * unit }

    /// The one of `methods` that lacks most; of equal ones the first.
    func neediest(of methods: [DeliveryMethod]) -> DeliveryMethod {
        var best = methods[0]
        for method in methods where missing[method] > missing[best] { best = method }
        return best
    }

    /// The sum of the distances, and what decides between equal ones: how unevenly they are spread.
    var value: SplitValue {
        let (bt, obs, cdn) = (abs(missing.bt), abs(missing.obs), abs(missing.cdn))
        let greatest = max(bt, obs, cdn)
        return SplitValue(sum: bt + obs + cdn, spread: greatest - min(bt, obs, cdn))
    }

    /// The least sum that can still come of it: what methods have too much stays, and is missing elsewhere.
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
