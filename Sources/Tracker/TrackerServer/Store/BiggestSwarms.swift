import Text
import Tracking

/// Swarms that may be among the biggest, kept so that a page need not look at all. A swarm is listed at an announce when it
/// is bigger, by an eighth, than the smallest that was kept when the list was last put in order: that much may be missing, and
/// swarms that grow together do not take turns on the list.
struct BiggestSwarms {
    /// Swarms that are kept when the list is put in order; the list is twice as long at most.
    static let kept = 256

    private(set) var keys: [SwarmKey] = []
    /// Swarms with more peers belong on the list.
    private(set) var floor = 0

    var isFull: Bool { keys.count >= 2 * BiggestSwarms.kept }

    mutating func append(_ key: SwarmKey) { keys.append(key) }

    /// Takes the list in order, biggest first.
    mutating func replace(with found: [(key: SwarmKey, peers: Int)]) {
        keys = found.prefix(BiggestSwarms.kept).map(\.key)
        let smallest = found.count >= BiggestSwarms.kept ? found[BiggestSwarms.kept - 1].peers : 0
        floor = smallest + smallest / 8
    }

    func randomElement(_ random: inout SeededGenerator) -> SwarmKey? {
        keys.isEmpty ? nil : keys[random.below(keys.count)]
    }
}
