import Hashing

/// A number of targets: `1`, `5%`, `100%`.
package enum WaveSize: Sendable, Hashable, CustomStringConvertible {
    /// An absolute number of targets.
    case count(Int)
    /// A percentage of all targets, above 0 and at most 100.
    case percent(Double)

    package init?(_ text: String) {
        if text.utf8.last == UInt8(ascii: "%") {
            guard let share = Self.number(text.dropLast()), share > 0, share <= 100 else { return nil }
            self = .percent(share)
        } else {
            guard (1...7).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let count = Int(text), count > 0
            else { return nil }
            self = .count(count)
        }
    }

    private static func number(_ text: Substring) -> Double? {
        guard (1...6).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2e })
        else {
            return nil
        }
        return Double(text)
    }

    package var description: String {
        switch self {
        case .count(let count): "\(count)"
        case .percent(let share): share == share.rounded() ? "\(Int(share))%" : "\(share)%"
        }
    }

    /// Whether it is larger however many targets there are; of a count and a share that is not known.
    package func reachesFurther(than other: WaveSize) -> Bool {
        switch (self, other) {
        case (.count(let own), .count(let other)): own > other
        case (.percent(let own), .percent(let other)): own > other
        case (.percent(100), .count): true
        default: false
        }
    }

    /// Of so many targets, rounded up; for a count, the count.
    package func size(of targets: Int) -> Int {
        switch self {
        case .count(let count): min(count, targets)
        case .percent(let share): min(targets, max(1, Int((Double(targets) * share / 100 - 1e-9).rounded(.up))))
        }
    }

    /// The number of targets that may fail. A percentage is rounded down.
    package func allowance(of targets: Int) -> Int {
        switch self {
        case .count(let count): count
        case .percent(let share): Int((Double(targets) * share / 100 + 1e-9).rounded(.down))
        }
    }
}

/// The assignment of targets to waves.
package struct WavePlan: Sendable, Hashable {
    /// The properties of a target that determine its wave.
    package struct Candidate: Sendable, Hashable {
        package let node: NodeID
        package let site: String
        package let isCanary: Bool

        package init(node: NodeID, site: String, isCanary: Bool) {
            self.node = node
            self.site = site
            self.isCanary = isCanary
        }
    }

    /// Indices of the candidates in each wave. Every candidate is in exactly one.
    package let waves: [[Int]]

    /// Sizes are cumulative: `[1, 5%, 100%]` is one target, then the others up to 5 %, then all others. The last wave
    /// takes whatever the sizes leave over. Nodes labelled `canary` come first. The others follow in an order derived
    /// from a hash of job and node, so that each job starts with other nodes. In the first wave, each site has one
    /// target before any site has a second.
    package init(_ candidates: [Candidate], sizes: [WaveSize], job: String) {
        let ranked = candidates.indices.map { index in
            (index, SHA256.digest(Array("\(job)\0\(candidates[index].node)".utf8)))
        }.sorted { $0.1 < $1.1 }.map(\.0)
        var order = ranked.filter { candidates[$0].isCanary } + ranked.filter { !candidates[$0].isCanary }
        var waves: [[Int]] = []
        var placed = 0
        for (number, size) in sizes.enumerated() {
            let end = number == sizes.count - 1 ? candidates.count : size.size(of: candidates.count)
            guard end > placed else { continue }
            if waves.isEmpty { order = Self.spread(order, over: candidates) }
            waves.append(Array(order[placed..<end]))
            placed = end
        }
        if placed < candidates.count { waves.append(Array(order[placed...])) }
        self.waves = waves
    }

    /// Reorders targets: canaries first, and among each group one of each site before a second of any.
    private static func spread(_ order: [Int], over candidates: [Candidate]) -> [Int] {
        var seen: [String: Int] = [:]
        let rounds = order.enumerated().map { place, index in
            let candidate = candidates[index]
            let round = seen[candidate.site, default: 0]
            seen[candidate.site] = round + 1
            return (index, candidate.isCanary ? 0 : 1, round, place)
        }
        return rounds.sorted { ($0.1, $0.2, $0.3) < ($1.1, $1.2, $1.3) }.map(\.0)
    }
}
