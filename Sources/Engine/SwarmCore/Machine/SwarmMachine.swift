import Hashing
import Metainfo
import PeerWire

/// All decisions of one torrent: which piece of whom, whom to serve, what to say.
///
/// A value without I/O, clock or locks. Events come in as calls with the time in seconds (of any monotonic clock); what
/// is to be done gathers in ``takeActions()``. The engine and the simulator both run this code.
///
/// It must never ask for a byte twice without need, trust a byte before `judged` said so, or grow with what peers send.
public struct SwarmMachine: Sendable {
    public let layout: ContentLayout
    public let configuration: SwarmConfiguration
    /// Pieces that are verified and stored.
    public internal(set) var have: PieceSet
    /// Pieces the user asked for.
    public let wanted: PieceSet
    /// Pieces we hold but cannot show to others whole, because a file of theirs was not selected.
    let unservable: PieceSet

    var peers = PeerTable()
    var picker: PiecePicker
    var open: OpenPieces
    /// Open pieces, the oldest first.
    var openOrder: [Int] = []
    var openBytes = 0
    var mostOpenBytes: Int
    var ledger = BlameLedger()
    var dispatcher: PieceDispatcher?
    var choker = Choker()
    var precedence: Precedence
    var turns: TurnsOfLine
    var sites: SiteClaims
    var nextChokeAt = 0.0
    var freeSlots = FreeSlots()
    var looks = LookBudget()
    /// Who sends so much that says nothing that it has to go at once: what else it sent is not to be looked at.
    var flooder: PeerKey?
    var generator: SplitMix64
    var actions: [SwarmAction] = []
    var uploadMeter: RateMeter
    /// What our line is known to send, and when and how much we had sent when it was looked at last.
    public internal(set) var uplink = UplinkEstimate()
    var uplinkSeen: (at: Double, bytes: Int64, isWaitedFor: Bool)
    var downloadMeter: RateMeter
    /// Wanted pieces not there yet.
    var missingCount: Int
    /// Super-seeding is over.
    var isRevealed = false
    /// Whether peers are asked for anything; web seeds are asked in any case.
    public internal(set) var asksPeers = true
    /// Whether anybody is given anything.
    public internal(set) var isServing = true
    var creditLedger = CreditLedger()
    /// Bytes that were asked for and were not there yet, whether their piece turned out right or not.
    public internal(set) var acceptedBytes: Int64 = 0
    /// Bytes that came twice, or of pieces that did not verify.
    public internal(set) var wastedBytes: Int64 = 0

    /// - Parameters:
    ///   - wanted: pieces to fetch; all of them for a whole torrent.
    ///   - have: pieces that are stored and right already.
    ///   - unservable: pieces of which only a part will be stored.
    ///   - seed: of the random choices; the same seed and events give the same actions.
    public init(
        layout: ContentLayout, wanted: PieceSet, have: PieceSet, unservable: PieceSet? = nil,
        configuration: SwarmConfiguration = SwarmConfiguration(), seed: UInt64, now: Double
    ) {
        self.layout = layout
        self.configuration = configuration
        mostOpenBytes = configuration.openBytes
        self.wanted = wanted
        self.have = have
        self.unservable = unservable ?? PieceSet(size: layout.pieceCount)
        choker.limits = configuration.choker
        generator = SplitMix64(seed: seed)
        turns = TurnsOfLine(width: TurnWidth(pieceLength: layout.pieceLength, now: now))
        // A draw of its own: those of the machine come out as they did.
        var draw = SplitMix64(seed: ~seed)
        sites = SiteClaims(pieceCount: layout.pieceCount, pieceLength: layout.pieceLength, seed: draw.next())
        picker = PiecePicker(pieceCount: layout.pieceCount)
        open = OpenPieces(pieceCount: layout.pieceCount)
        precedence = Precedence(now: now)
        uploadMeter = RateMeter(now: now)
        downloadMeter = RateMeter(now: now)
        uplinkSeen = (now, 0, false)
        var missing: [Int] = []
        wanted.forEach { if !have.contains($0) { missing.append($0) } }
        missingCount = missing.count
        // From a random start and in order: hosts begin at different places, and a disk is written forward.
        let start = missing.isEmpty ? 0 : Int.random(in: 0..<missing.count, using: &generator)
        for piece in missing[start...] + missing[..<start] { picker.insert(piece) }
        if missing.isEmpty { beginSeeding() }
    }

    public var isFinished: Bool { missingCount == 0 }
    public var peerCount: Int { peers.count }
    /// Wanted pieces that are not there.
    public var missingPieces: Int { missingCount }
    /// Pieces that can be shown to others.
    public func canServe(_ piece: Int) -> Bool { have.contains(piece) && !unservable.contains(piece) }

    /// What is to be done since the last call.
    public mutating func takeActions() -> [SwarmAction] {
        defer { actions.removeAll(keepingCapacity: true) }
        return actions
    }

    /// The same without an allocation each time: `spent` takes the actions' place and comes back with them.
    public mutating func takeActions(into spent: inout [SwarmAction]) {
        spent.removeAll(keepingCapacity: true)
        swap(&actions, &spent)
    }

    /// Who is to be disconnected and banned at once, for it sends without end what says nothing. Told once.
    @inline(__always)
    public mutating func takeFlooder() -> PeerKey? {
        guard flooder != nil else { return nil }
        defer { flooder = nil }
        return flooder
    }

    public var hasActions: Bool { !actions.isEmpty }

    mutating func send(_ key: PeerKey, _ message: Message) {
        guard let peer = peers.place(of: key), !peers[peer].traits.isWebSeed else { return }
        if case .have = message { peers[peer].chatter.told() }
        actions.append(.send(key, message))
    }

    mutating func violation(_ key: PeerKey, _ what: String) {
        actions.append(.disconnect(key, .violation(what)))
    }

    /// A message that changes nothing, or is often sent for nothing, came.
    mutating func heardNothingNew(from peer: PeerTable.Place, now: Double) {
        guard !peers[peer].chatter.heard(missing: missingCount, now: now) else { return }
        flooder = peers[peer].key
    }

    mutating func beginSeeding() {
        guard configuration.dispatches || configuration.superSeed, dispatcher == nil else { return }
        // Where somebody else has everything already, giving pieces out one by one spares nobody anything.
        guard configuration.superSeed || picker.fullPeers == 0 else { return }
        var pieces: [Int] = []
        for piece in 0..<layout.pieceCount where canServe(piece) && picker.availability[piece] == 0 {
            pieces.append(piece)
        }
        dispatcher = PieceDispatcher(pieces: pieces, pieceCount: layout.pieceCount, using: &generator)
    }
}

/// A small generator with a seed (Steele, Lea, Flood 2014), so that a simulation can be run again.
public struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
