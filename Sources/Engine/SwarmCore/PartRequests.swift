/// Tracks numbered parts that are requested from several peers, each part from one peer at a time: which parts are
/// waiting, and which was requested from which peer and when. The cost of a step does not depend on the number of
/// parts.
struct PartRequests<Peer: Hashable & Sendable>: Sendable {
    private struct Asked: Sendable {
        let peer: Peer
        /// Time of the request, in seconds of the caller's clock.
        let at: Double
    }

    let count: Int
    /// Number of parts that have not arrived.
    private(set) var missing: Int
    /// The first part that was never requested; no later part was requested either.
    private var fresh = 0
    /// Parts that were requested without success and wait again; the next one is last.
    private var returned: [Int] = []
    /// Outstanding requests by part.
    private var asked: [Int: Asked] = [:]
    /// The same by peer, the oldest request first.
    private var parts: [Peer: [Int]] = [:]
    /// Lower bound of the times of all outstanding requests.
    private var oldest = Double.infinity

    init(count: Int) {
        self.count = count
        missing = count
    }

    var isComplete: Bool { missing == 0 }
    var isAsking: Bool { !asked.isEmpty }

    /// Parts requested from the peer without an answer so far, the oldest request first.
    func parts(of peer: Peer) -> [Int] { parts[peer] ?? [] }

    func isAsked(_ part: Int, of peer: Peer) -> Bool { asked[part]?.peer == peer }

    /// The next waiting part. It counts as requested from the peer from now on.
    mutating func takePart(for peer: Peer, now: Double) -> Int? {
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

    /// Call when the part has arrived.
    mutating func arrived(_ part: Int) { if forget(part) { missing -= 1 } }

    /// Call when the request was not answered, or answered wrongly: the part waits again.
    mutating func giveBack(_ part: Int) { if forget(part) { returned.append(part) } }

    mutating func removePeer(_ peer: Peer) {
        // So that the part requested first is requested first again.
        for part in parts(of: peer).reversed() { giveBack(part) }
    }

    /// Returns requests older than `patience` seconds to the waiting parts.
    /// - Returns: the peers that did not answer, once for each of their expired requests.
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
