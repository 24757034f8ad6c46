import Hashing
import Metainfo
import PeerWire
import Text

/// All decisions of one torrent. Passes events to the values that decide, and collects their actions.
///
/// A value without I/O, clock or locks. Events are calls with the time in seconds (of any monotonic clock); the
/// resulting actions are returned by ``takeActions()``. The engine and the simulator run the same code.
/// ``RequestPlanner`` decides what to request from which peer, ``UploadScheduler`` which peers to serve, ``SiteClaims``
/// what a site downloads only once.
///
/// Must never request a byte twice without need, trust a byte before `judged` has confirmed it, or grow with what peers
/// send.
public struct SwarmMachine: Sendable {
    package var swarm: SwarmState
    package var planner: RequestPlanner
    package var uploads: UploadScheduler
    package var sites: SiteClaims
    var creditLedger = CreditLedger()

    /// - Parameters:
    ///   - wanted: pieces to download; all pieces for a whole torrent.
    ///   - have: pieces that are stored and verified already.
    ///   - unservable: pieces of which only a part will be stored.
    ///   - seed: seed of the random choices. The same seed and events give the same actions.
    public init(
        layout: ContentLayout, wanted: PieceSet, have: PieceSet, unservable: PieceSet? = nil,
        configuration: SwarmConfiguration = SwarmConfiguration(), seed: UInt64, now: Double
    ) {
        swarm = SwarmState(
            layout: layout, configuration: configuration, wanted: wanted,
            unservable: unservable ?? PieceSet(size: layout.pieceCount), have: have, seed: seed, now: now)
        // A draw of its own: those of the machine come out as they did.
        var draw = SeededGenerator(seed: ~seed)
        sites = SiteClaims(pieceCount: layout.pieceCount, pieceLength: layout.pieceLength, seed: draw.next())
        uploads = UploadScheduler(configuration: configuration, pieceLength: layout.pieceLength, now: now)
        var missing: [Int] = []
        wanted.forEach { if !have.contains($0) { missing.append($0) } }
        planner = RequestPlanner(
            missing: missing, configuration: configuration, pieceCount: layout.pieceCount, using: &swarm.generator)
        if missing.isEmpty { uploads.beginSeeding(&swarm, &planner.picker) }
    }

    public var layout: ContentLayout { swarm.layout }
    public var configuration: SwarmConfiguration { swarm.configuration }
    /// Pieces that are verified and stored.
    public var have: PieceSet { swarm.have }
    /// Pieces to download.
    public var wanted: PieceSet { swarm.wanted }
    public var isFinished: Bool { swarm.isFinished }
    public var peerCount: Int { swarm.peers.count }
    /// Number of wanted pieces that are missing.
    public var missingPieces: Int { swarm.missingCount }
    /// Missing bytes, rounded up to whole pieces.
    public var missingBytes: Int64 { Int64(swarm.missingCount) * Int64(swarm.layout.pieceLength) }
    /// Whether pieces are requested from peers; web seeds are asked in any case.
    public var asksPeers: Bool { swarm.asksPeers }
    /// Whether peers are served.
    public var isServing: Bool { swarm.isServing }
    /// Whether a piece may be served to peers.
    public func canServe(_ piece: Int) -> Bool { swarm.canServe(piece) }

    /// Removes and returns the actions since the last call.
    public mutating func takeActions() -> [SwarmAction] {
        defer { swarm.actions.removeAll(keepingCapacity: true) }
        return swarm.actions
    }

    /// The same without an allocation for each call: swaps the actions with the contents of `spent`.
    public mutating func takeActions(into spent: inout [SwarmAction]) {
        spent.removeAll(keepingCapacity: true)
        swap(&swarm.actions, &spent)
    }

    /// A peer to disconnect and ban at once, because it floods us with useless messages. Returned once.
    @inline(__always)
    public mutating func takeFlooder() -> PeerKey? { swarm.flood.takeFlooder() }

    public var hasActions: Bool { !swarm.actions.isEmpty }
}
