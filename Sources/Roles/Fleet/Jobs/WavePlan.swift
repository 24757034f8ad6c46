import Hashing

/// How far a wave reaches: `1`, `5%`, `100%`.
package enum WaveSize: Sendable, Hashable, CustomStringConvertible {
    /// So many targets.
    case count(Int)
    /// Per cent of all targets, from above 0 to 100.
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

    /// How many of so many may fail: a share is rounded down.
    package func allowance(of targets: Int) -> Int {
        switch self {
        case .count(let count): count
        case .percent(let share): Int((Double(targets) * share / 100 + 1e-9).rounded(.down))
        }
    }
}

/// Which target switches in which wave.
package struct WavePlan: Sendable, Hashable {
    /// What counts of a target.
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

    /// Indices of candidates by wave; every candidate is in one.
    package let waves: [[Int]]

    /// Sizes are of all that switched until then: `[1, 5%, 100%]` is one, then up to 5 %, then all. What the last leaves over
    /// is in the last. Nodes labelled `canary` come first, then in an order that job and node give, so that each job begins
    /// elsewhere; in the first wave stands one of each site before a second of any.
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

    /// The first of each site before the second of any, canaries before others.
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
