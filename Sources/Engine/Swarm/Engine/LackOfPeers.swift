import SwarmCore

/// Tracks whether there are pieces that no peer has, and since when. A swarm needs some time to form.
struct LackOfPeers {
    /// Seconds for which a piece may be without a peer before peers count as no source for it.
    static let patience = 30.0

    private var since: [Int: Double] = [:]
    private var startedAt = 0.0

    mutating func begin(_ now: Double) { startedAt = now }

    /// Call every few seconds.
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

    /// Files with a piece that no peer has had for a while.
    func files(at now: Double) -> Set<Int> {
        Set(since.lazy.filter { now - max($0.value, startedAt) >= Self.patience }.map(\.key))
    }
}
