import SwarmCore
import Text

/// Chooses peers for an announce, as the tracker does: at random, reachable peers first; unreachable peers only for
/// hosts that can be reached; no seeds for seeds.
struct SimulatedTracker {
    private var reachable: [Int32] = []
    private var unreachable: [Int32] = []

    mutating func add(_ host: Int32, isReachable: Bool) {
        if isReachable { reachable.append(host) } else { unreachable.append(host) }
    }

    mutating func remove(_ host: Int32) {
        reachable.removeAll { $0 == host }
        unreachable.removeAll { $0 == host }
    }

    func select(
        _ count: Int, for host: Int32, isReachable: Bool, using random: inout SeededGenerator,
        isOffered: (Int32) -> Bool
    ) -> [Int32] {
        var chosen = Self.sample(count, of: reachable, using: &random) { $0 != host && isOffered($0) }
        if isReachable, chosen.count < count {
            chosen += Self.sample(count - chosen.count, of: unreachable, using: &random) { $0 != host && isOffered($0) }
        }
        return chosen
    }

    private static func sample(
        _ count: Int, of all: [Int32], using random: inout SeededGenerator, where isOffered: (Int32) -> Bool
    ) -> [Int32] {
        if all.count <= 4 * count {
            return Array(all.shuffled(using: &random).lazy.filter(isOffered).prefix(count))
        }
        var chosen: [Int32] = []
        for _ in 0..<4 * count where chosen.count < count {
            let candidate = all[Int.random(in: 0..<all.count, using: &random)]
            if isOffered(candidate), !chosen.contains(candidate) { chosen.append(candidate) }
        }
        return chosen
    }
}
