import Hashing
import Metainfo
import PeerWire
import Text

/// All decisions of one torrent: it tells events to the values that decide, and gathers their actions.
///
/// A value without I/O, clock or locks. Events come in as calls with the time in seconds (of any monotonic clock); what
/// is to be done gathers in ``takeActions()``. The engine and the simulator both run this code. ``RequestPlanner`` decides
/// what is asked of whom, ``UploadScheduler`` whom to serve, ``SiteClaims`` what a site fetches only once.
///
/// It must never ask for a byte twice without need, trust a byte before `judged` said so, or grow with what peers send.
public struct SwarmMachine: Sendable {
    var swarm: SwarmState
    var planner: RequestPlanner
    var uploads: UploadScheduler
    var sites: SiteClaims
    var creditLedger = CreditLedger()

    /// - Parameters:
    ///   - wanted: pieces to fetch; all of them for a whole torrent.
    ///   - have: pieces that are stored and right already.
    ///   - unservable: pieces of which only a part will be stored.
    ///   - seed: of the random choices; the same seed and events give the same actions.
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
    /// Pieces the user asked for.
    public var wanted: PieceSet { swarm.wanted }
    public var isFinished: Bool { swarm.isFinished }
    public var peerCount: Int { swarm.peers.count }
    /// Wanted pieces that are not there.
    public var missingPieces: Int { swarm.missingCount }
    /// Wanted bytes that are not there, to a piece.
    public var missingBytes: Int64 { Int64(swarm.missingCount) * Int64(swarm.layout.pieceLength) }
    /// Whether peers are asked for anything; web seeds are asked in any case.
    public var asksPeers: Bool { swarm.asksPeers }
    /// Whether anybody is given anything.
    public var isServing: Bool { swarm.isServing }
    /// Pieces that can be shown to others.
    public func canServe(_ piece: Int) -> Bool { swarm.canServe(piece) }

    /// What is to be done since the last call.
    public mutating func takeActions() -> [SwarmAction] {
        defer { swarm.actions.removeAll(keepingCapacity: true) }
        return swarm.actions
    }

    /// The same without an allocation each time: `spent` takes the actions' place and comes back with them.
    public mutating func takeActions(into spent: inout [SwarmAction]) {
        spent.removeAll(keepingCapacity: true)
        swap(&swarm.actions, &spent)
    }

    /// The peer that is to be disconnected and banned at once, for it sends without end what says nothing. Told once.
    @inline(__always)
    public mutating func takeFlooder() -> PeerKey? { swarm.flood.takeFlooder() }

    public var hasActions: Bool { !swarm.actions.isEmpty }
}
