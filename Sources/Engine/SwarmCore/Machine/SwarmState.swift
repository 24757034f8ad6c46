import Metainfo
import PeerWire
import Text

/// What every decision of a torrent looks at: the content, what is stored of it, the peers, and the actions so far.
///
/// The deciders (``RequestPlanner``, ``UploadScheduler``, ``SiteClaims``) own what they decide by and are handed this
/// value as `inout`, so that nothing of it is copied. It must never decide which piece is asked for or who is served.
struct SwarmState: Sendable {
    let layout: ContentLayout
    let configuration: SwarmConfiguration
    /// Pieces the user asked for.
    let wanted: PieceSet
    /// Pieces we hold but cannot show to others whole, because a file of theirs was not selected.
    let unservable: PieceSet
    /// Pieces that are verified and stored.
    var have: PieceSet
    /// Wanted pieces not there yet.
    var missingCount: Int
    /// Whether peers are asked for anything; web seeds are asked in any case.
    var asksPeers = true
    /// Whether anybody is given anything.
    var isServing = true
    var peers = PeerTable()
    var generator: SeededGenerator
    var actions: [SwarmAction] = []
    var traffic: TrafficFigures
    var flood = FloodWatch()

    init(
        layout: ContentLayout, configuration: SwarmConfiguration, wanted: PieceSet, unservable: PieceSet,
        have: PieceSet, seed: UInt64, now: Double
    ) {
        self.layout = layout
        self.configuration = configuration
        self.wanted = wanted
        self.unservable = unservable
        self.have = have
        missingCount = wanted.countMissing(in: have)
        generator = SeededGenerator(seed: seed)
        traffic = TrafficFigures(now: now)
    }

    var isFinished: Bool { missingCount == 0 }

    func canServe(_ piece: Int) -> Bool { have.contains(piece) && !unservable.contains(piece) }

    func isMissing(_ piece: Int) -> Bool { !isFinished && wanted.contains(piece) && !have.contains(piece) }

    /// Whether somebody waits for bytes of ours.
    var hasUploadsWaiting: Bool {
        peers.keys.contains { key in peers.place(of: key).map { peers[$0].uploadCount > 0 } ?? false }
    }

    /// What others can send, as they say.
    var uplinksOfOthers: Choker.Others {
        var told: [Int] = []
        var wouldTell = false
        for key in peers.keys {
            guard let peer = peers.place(of: key), !peers[peer].traits.isWebSeed else { continue }
            // A peer that knows upload grants tells what it can send.
            wouldTell = wouldTell || peers[peer].traits.takesTurns
            if let uplink = peers[peer].traits.uplink { told.append(uplink) }
        }
        // The median: one that says too much has no say.
        guard !told.isEmpty else { return wouldTell ? .unknown : .silent }
        return .uplink(Double(told.sorted()[told.count / 2]))
    }

    // MARK: What is said

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
        flood.flooder = peers[peer].key
    }

    mutating func updateInterest(_ key: PeerKey) {
        guard let peer = peers.place(of: key) else { return }
        let interested = peers[peer].wantedCount > 0 && asksPeers
        guard interested != peers[peer].amInterested, !peers[peer].traits.isWebSeed else { return }
        peers[peer].amInterested = interested
        send(key, interested ? .interested : .notInterested)
    }

    /// Two peers that both have everything have nothing to say to each other.
    mutating func dropIfRedundant(_ key: PeerKey) {
        guard isFinished, let peer = peers.place(of: key), !peers[peer].traits.isWebSeed else { return }
        if peers[peer].holdings.isFull || peers[peer].isUploadOnly { actions.append(.disconnect(key, .redundant)) }
    }

    // MARK: Requests that wait for their answer

    /// A request was answered, one way or the other.
    mutating func takeRequest(_ span: BlockSpan, of key: PeerKey) -> OutstandingRequest? {
        guard let peer = peers.place(of: key),
            let index = peers[peer].outstanding.firstIndex(where: { $0.span == span })
        else { return nil }
        peers[peer].outstandingBytes -= span.length
        return peers[peer].outstanding.remove(at: index)
    }

    /// Takes a request back from the peer it was sent to.
    mutating func cancel(_ request: OutstandingRequest, of key: PeerKey) {
        guard let peer = peers[key], let index = peer.outstanding.firstIndex(where: { $0.span == request.span }) else {
            return
        }
        if peer.traits.isWebSeed {
            actions.append(.cancelFetch(key, request.span))
        } else {
            send(key, .cancel(request.span.wire))
        }
        if peer.traits.supportsFast && !peer.traits.isWebSeed {
            // It answers with the block or a reject; until then the request counts.
            peers[key]?.outstanding[index].isCancelled = true
        } else {
            peers[key]?.outstanding.remove(at: index)
            peers[key]?.outstandingBytes -= request.span.length
            remember(request.span, of: key)
        }
    }

    /// Should the block come after all, it is no fault of the peer's.
    mutating func remember(_ span: BlockSpan, of key: PeerKey) {
        peers[key]?.forgotten.append(span)
        if let count = peers[key]?.forgotten.count, count > 1024 { peers[key]?.forgotten.removeFirst(count - 1024) }
    }
}
