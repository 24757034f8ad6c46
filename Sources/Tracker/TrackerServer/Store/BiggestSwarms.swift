import Text
import Tracking

/// Candidates for the list of the largest swarms, so that a page need not examine all swarms. A swarm is added at an
/// announce if it is larger, by an eighth, than the smallest one kept when the list was last sorted. The list may be
/// wrong by that much, but swarms that grow together do not displace each other all the time.
struct BiggestSwarms {
    /// Number of swarms kept when the list is sorted; the list has at most twice as many.
    static let kept = 256

    private(set) var keys: [SwarmKey] = []
    /// Swarms with more peers than this are added.
    private(set) var floor = 0

    var isFull: Bool { keys.count >= 2 * BiggestSwarms.kept }

    mutating func append(_ key: SwarmKey) { keys.append(key) }

    /// Replaces the list with a sorted one, largest first.
    mutating func replace(with found: [(key: SwarmKey, peers: Int)]) {
        keys = found.prefix(BiggestSwarms.kept).map(\.key)
        let smallest = found.count >= BiggestSwarms.kept ? found[BiggestSwarms.kept - 1].peers : 0
        floor = smallest + smallest / 8
    }

    func randomElement(_ random: inout SeededGenerator) -> SwarmKey? {
        keys.isEmpty ? nil : keys[random.below(keys.count)]
    }
}
