import SwarmCore

/// Whether there are pieces that no peer has, and since when: a swarm needs a moment to gather.
struct LackOfPeers {
    /// Seconds that pieces may be with nobody before peers count as no source for them.
    static let patience = 30.0

    private var since: [Int: Double] = [:]
    private var startedAt = 0.0

    mutating func begin(_ now: Double) { startedAt = now }

    /// To be called every few seconds.
    mutating func look(at machine: SwarmMachine, _ progress: FileProgress?, asks: Bool, now: Double) {
        guard asks, machine.asksPeers, let progress else { return since = [:] }
        var lacking: Set<Int> = []
        machine.piecesWithoutPeer.forEach { piece in
            for span in machine.layout.spans(of: .init(unchecked: piece)) where !span.isPadding {
                if progress.isSelected(span.file) { lacking.insert(span.file) }
            }
        }
        since = since.filter { lacking.contains($0.key) }
        for file in lacking where since[file] == nil { since[file] = now }
    }

    /// Files of which no peer has had some piece for a while.
    func files(at now: Double) -> Set<Int> {
        Set(since.lazy.filter { now - max($0.value, startedAt) >= Self.patience }.map(\.key))
    }
}
