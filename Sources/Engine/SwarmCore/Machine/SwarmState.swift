import Metainfo
import PeerWire
import Text

/// The state that all decisions of a torrent share: the content, what is stored of it, the peers, and the collected
/// actions.
///
/// The deciding values (``RequestPlanner``, ``UploadScheduler``, ``SiteClaims``) own their own state and take this
/// value as `inout`, so that it is never copied. It must never decide which piece is requested or which peer is served.
package struct SwarmState: Sendable {
    let layout: ContentLayout
    let configuration: SwarmConfiguration
    /// Pieces to download.
    let wanted: PieceSet
    /// Stored pieces that cannot be served, because a file of theirs was not selected and only a part is stored.
    let unservable: PieceSet
    /// Pieces that are verified and stored.
    var have: PieceSet
    /// Number of wanted pieces that are missing.
    var missingCount: Int
    /// Whether pieces are requested from peers; web seeds are asked in any case.
    var asksPeers = true
    /// Whether peers are served.
    var isServing = true
    package var peers = PeerTable()
    var generator: SeededGenerator
    var actions: [SwarmAction] = []
    var traffic: TrafficFigures
    var flood = FloodWatch()
    /// What a registry's origin may send; nil for any other host.
    package var egress: EgressBudget?

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
        egress = configuration.egress.map { EgressBudget($0, layout: layout, now: now) }
    }

    var isFinished: Bool { missingCount == 0 }

    func canServe(_ piece: Int) -> Bool { have.contains(piece) && !unservable.contains(piece) }

    func isMissing(_ piece: Int) -> Bool { !isFinished && wanted.contains(piece) && !have.contains(piece) }

    /// Whether some peer is waiting for our uploads.
    var hasUploadsWaiting: Bool {
        peers.keys.contains { key in peers.place(of: key).map { peers[$0].uploadCount > 0 } ?? false }
    }

    /// The uplink that other peers advertise.
    var uplinksOfOthers: Choker.Others {
        var told: [Int] = []
        var wouldTell = false
        for key in peers.keys {
            guard let peer = peers.place(of: key), !peers[peer].traits.isWebSeed else { continue }
            // A peer that supports upload grants also advertises its uplink.
            wouldTell = wouldTell || peers[peer].traits.supportsGrants
            if let uplink = peers[peer].traits.uplink { told.append(uplink) }
        }
        // The median, so that one exaggerated value has no effect.
        guard !told.isEmpty else { return wouldTell ? .unknown : .silent }
        return .uplink(Double(told.sorted()[told.count / 2]))
    }

    // MARK: Messages to peers

    mutating func send(_ key: PeerKey, _ message: Message) {
        guard let peer = peers.place(of: key), !peers[peer].traits.isWebSeed else { return }
        if case .have = message { peers[peer].chatter.told() }
        actions.append(.send(key, message))
    }

    mutating func violation(_ key: PeerKey, _ what: String) {
        actions.append(.disconnect(key, .violation(what)))
    }

    /// Counts a message that changes nothing, or is often sent needlessly.
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

    /// Disconnects the peer if both sides have everything.
    mutating func dropIfRedundant(_ key: PeerKey) {
        guard isFinished, let peer = peers.place(of: key), !peers[peer].traits.isWebSeed else { return }
        if peers[peer].holdings.isFull || peers[peer].isUploadOnly { actions.append(.disconnect(key, .redundant)) }
    }

    /// Rejects the peer's waiting requests, which it then has to send again.
    mutating func rejectWaiting(of key: PeerKey) {
        guard let peer = peers.place(of: key), peers[peer].traits.supportsFast else { return }
        for span in peers[peer].uploads[peers[peer].uploadHead...] { send(key, .reject(span.wire)) }
        peers[peer].dropUploads()
    }

    // MARK: Outstanding requests

    /// Removes a request that was answered, with data or a reject.
    mutating func takeRequest(_ span: BlockSpan, of key: PeerKey) -> OutstandingRequest? {
        guard let peer = peers.place(of: key),
            let index = peers[peer].outstanding.firstIndex(where: { $0.span == span })
        else { return nil }
        peers[peer].outstandingBytes -= span.length
        return peers[peer].outstanding.remove(at: index)
    }

    /// Cancels a request to the peer it was sent to.
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
            // The peer answers with the block or a reject. Until then the request counts.
            peers[key]?.outstanding[index].isCancelled = true
        } else {
            peers[key]?.outstanding.remove(at: index)
            peers[key]?.outstandingBytes -= request.span.length
            remember(request.span, of: key)
        }
    }

    /// Remembers a cancelled request: the block may still arrive, which is no violation.
    mutating func remember(_ span: BlockSpan, of key: PeerKey) {
        peers[key]?.forgotten.append(span)
        if let count = peers[key]?.forgotten.count, count > 1024 { peers[key]?.forgotten.removeFirst(count - 1024) }
    }
}
