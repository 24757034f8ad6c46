/// Decides which peers get further connections, and how many: what ``ConnectionSearch`` finds out, within the
/// ``ConnectionLimits``.
///
/// The caller has the connections and opens and closes them. Must never want more than the limits allow, nor dial a peer
/// again and again whose further connections fail.
public struct FurtherConnectionPlan<Peer: Hashable & Sendable>: Sendable {
    /// A peer to which further connections can be opened: it accepts them, and its address is known.
    public struct Path: Sendable {
        public let peer: Peer
        /// Minimum round trip in seconds; infinity before the first measurement.
        public let roundTrip: Double
        /// Whether packets of the peer are lost on the path.
        public let isLossy: Bool
        /// Whether blocks from the peer are in flight.
        public let isGiving: Bool
        /// Number of connections, open or being opened, including the first.
        public let connections: Int
        /// Maximum number of connections that the peer accepts, including the first.
        public let most: Int

        public init(
            peer: Peer, roundTrip: Double, isLossy: Bool, isGiving: Bool, connections: Int, most: Int
        ) {
            self.peer = peer
            self.roundTrip = roundTrip
            self.isLossy = isLossy
            self.isGiving = isGiving
            self.connections = connections
            self.most = most
        }
    }

    /// Seconds for which a connection may receive nothing of its block while another of the same peer receives.
    private static var stallTimeout: Double { 8 }

    public let limits: ConnectionLimits
    private var search = ConnectionSearch<Peer>()
    private var failures: [Peer: Int] = [:]

    public init(limits: ConnectionLimits) { self.limits = limits }

    /// Whether this host accepts further connections at all.
    public var areAccepted: Bool { limits.most > 1 }

    /// Whether a peer may open one more connection.
    /// - Parameters:
    ///   - connections: number of its connections, including the first.
    ///   - all: number of further connections of the torrent.
    public func mayAccept(connections: Int, all: Int) -> Bool {
        connections < limits.most && all < limits.mostInAll
    }

    /// A further connection to the peer could not be opened, or was lost.
    public mutating func failed(_ peer: Peer) { failures[peer, default: 0] += 1 }

    /// The peer has left.
    public mutating func forget(_ peer: Peer) {
        failures[peer] = nil
        search.forget(peer)
    }

    /// Call a few times a second while pieces are requested from peers.
    /// - Parameters:
    ///   - all: number of further connections of the torrent, open or being opened.
    ///   - received: bytes of blocks from all peers since the beginning.
    ///   - remaining: bytes left to download.
    public mutating func look(
        _ paths: [Path], all: Int, received: Int64, remaining: Int64, now: Double
    ) -> [ConnectionSearch<Peer>.Step] {
        guard areAccepted else { return [] }
        var steps: [ConnectionSearch<Peer>.Step] = []
        var room = limits.mostInAll - all
        var candidates: [ConnectionSearch<Peer>.Candidate] = []
        for path in paths where failures[path.peer] ?? 0 < limits.failures {
            let most = min(path.most, limits.most)
            var connections = path.connections
            let lacking = min(limits.least, most) - connections
            if lacking > 0, room > 0 {
                steps.append(.open(path.peer, lacking))
                connections += lacking
                room -= lacking
            }
            guard limits.isLong(path.roundTrip), path.isGiving else { continue }
            candidates.append(
                .init(
                    peer: path.peer, roundTrip: path.roundTrip, isLossy: path.isLossy, connections: connections,
                    most: most))
        }
        let step = search.look(candidates, received: received, remaining: remaining, room: room, now: now)
        return step.map { steps + [$0] } ?? steps
    }

    /// Whether a further connection with a part of a block has stopped while the peer's other connections go on.
    /// - Parameters:
    ///   - lastReceived: time at which the connection last received something.
    ///   - latest: the same for the peer's connection that received last.
    public func isStalled(lastReceived: Double, latest: Double) -> Bool { latest - lastReceived > Self.stallTimeout }
}
