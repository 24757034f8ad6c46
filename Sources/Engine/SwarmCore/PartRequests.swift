/// Numbered parts of a whole that are asked of several peers, each part of one peer at a time: which parts wait, which
/// peer was asked for which, and when. A step costs the same whether there are ten parts or a million.
struct PartRequests<Peer: Hashable & Sendable>: Sendable {
    private struct Asked: Sendable {
        let peer: Peer
        /// Seconds of the caller's clock.
        let at: Double
    }

    let count: Int
    /// Parts that have not come.
    private(set) var missing: Int
    /// The first part that was never asked for; all behind it were not either.
    private var fresh = 0
    /// Parts that were asked for in vain and wait again, the next one last.
    private var returned: [Int] = []
    /// The requests under way, by part.
    private var asked: [Int: Asked] = [:]
    /// The same by peer, the oldest request first.
    private var parts: [Peer: [Int]] = [:]
    /// No request under way is older than this.
    private var oldest = Double.infinity

    init(count: Int) {
        self.count = count
        missing = count
    }

    var isComplete: Bool { missing == 0 }
    var isAsking: Bool { !asked.isEmpty }

    /// Parts that the peer was asked for and has not answered, the oldest request first.
    func parts(of peer: Peer) -> [Int] { parts[peer] ?? [] }

    func isAsked(_ part: Int, of peer: Peer) -> Bool { asked[part]?.peer == peer }

    /// The next part that waits; it counts as asked of the peer from now on.
    mutating func take(for peer: Peer, now: Double) -> Int? {
        let part: Int
        if let again = returned.popLast() {
            part = again
        } else {
            guard fresh < count else { return nil }
            part = fresh
            fresh += 1
        }
        asked[part] = Asked(peer: peer, at: now)
        parts[peer, default: []].append(part)
        oldest = min(oldest, now)
        return part
    }

    /// The part has come.
    mutating func arrived(_ part: Int) { if forget(part) { missing -= 1 } }

    /// The request was not answered, or not rightly: the part waits again.
    mutating func giveBack(_ part: Int) { if forget(part) { returned.append(part) } }

    mutating func removePeer(_ peer: Peer) {
        // The lowest is asked for first again.
        for part in parts(of: peer).reversed() { giveBack(part) }
    }

    /// Gives back what was asked for more than `patience` seconds ago.
    /// - Returns: the peers that did not answer, each as often as it let a request pass.
    mutating func expire(_ patience: Double, now: Double) -> [Peer] {
        guard now - oldest > patience else { return [] }
        let late = asked.filter { now - $0.value.at > patience }.sorted { $0.key > $1.key }
        for (part, _) in late { giveBack(part) }
        oldest = asked.values.reduce(.infinity) { min($0, $1.at) }
        return late.map(\.value.peer)
    }

    private mutating func forget(_ part: Int) -> Bool {
        guard let peer = asked.removeValue(forKey: part)?.peer else { return false }
        if parts[peer]?.count == 1 {
            parts[peer] = nil
        } else if let index = parts[peer]?.firstIndex(of: part) {
            parts[peer]?.remove(at: index)
        }
        return true
    }
}
