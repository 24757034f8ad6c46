import Metainfo
import PeerWire

/// Dispatching: which pieces a seed gives to each peer first, so that every piece is uploaded once before any is
/// uploaded twice.
extension UploadScheduler {
    /// Whether pieces are being dispatched, each to one peer first.
    var isDispatching: Bool { dispatcher?.hasGivenAll == false }

    mutating func beginSeeding(_ swarm: inout SwarmState, _ picker: inout PiecePicker) {
        guard swarm.configuration.dispatches || swarm.configuration.superSeed, dispatcher == nil else { return }
        // If another peer has everything already, dispatching brings no gain.
        guard swarm.configuration.superSeed || swarm.egress != nil || picker.fullPeers == 0 else { return }
        var pieces: [Int] = []
        for piece in 0..<swarm.layout.pieceCount where swarm.canServe(piece) && picker.availability[piece] == 0 {
            pieces.append(piece)
        }
        dispatcher = PieceDispatcher(
            pieces: pieces, pieceCount: swarm.layout.pieceCount, using: &swarm.generator)
        if let egress = swarm.egress { dispatcher?.leave(to: egress.share, silent: egress.silent) }
    }

    /// A peer announced a piece.
    mutating func announced(
        _ piece: Int, by key: PeerKey, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double
    ) {
        swarm.egress?.announced(piece, by: key, isFirst: availability[piece] <= 1, now: now)
        guard dispatcher != nil else { return }
        dispatcher?.announced(piece, by: key)
        dispatch(key, &swarm, availability, now: now)
        revealIfSpread(&swarm)
    }

    /// Number of pieces to keep assigned to a peer: enough that it never waits for a message from us. On a long path a
    /// piece takes several round trips (suggestion, request, block, announcement, and retransmissions for each), and
    /// the rate of the path is unknown until it has been full.
    private func lookahead(_ rate: Double, roundTrip: Double, pieceLength: Int) -> Int {
        let length = Double(pieceLength)
        let unknown = roundTrip > 0 ? min(0.2, roundTrip) * Double(64 << 20) : 0
        let bytes = max(rate * (0.25 + 8 * roundTrip), unknown)
        return max(2, Int((Double(1 << 20) / length).rounded(.up))) + min(512, Int(bytes / length))
    }

    mutating func dispatch(_ key: PeerKey, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double) {
        guard swarm.isServing, dispatcher?.hasGivenAll == false, let peer = swarm.peers.place(of: key),
            !swarm.peers[peer].traits.isWebSeed, !swarm.peers[peer].grants.isLast
        else { return }
        let secret = swarm.configuration.superSeed
        guard !grants.serve(key, &swarm),
            secret
                || (swarm.peers[peer].traits.followsSuggestions && !swarm.peers[peer].amChoking
                    && swarm.peers[peer].isInterested)
        else { return }
        let rate = swarm.peers[peer].uploadMeter.rate(now)
        let target = lookahead(
            rate, roundTrip: swarm.peers[peer].traits.longRoundTrip, pieceLength: swarm.layout.pieceLength)
        // The peer passes pieces on slowly, and other peers are waiting for uploads: do not assign more to it.
        if dispatcher?.isSlowToSpread(key) == true, isAnybodyWaiting(besides: key, &swarm) { return }
        while (self.dispatcher?.outstanding(key) ?? 0) < target {
            guard let piece = dispatcher?.assign(to: key, &swarm, availability, now: now) else { break }
            swarm.send(key, secret ? .have(UInt32(piece)) : .suggest(UInt32(piece)))
        }
    }

    private func isAnybodyWaiting(besides one: PeerKey, _ swarm: inout SwarmState) -> Bool {
        swarm.peers.keys.contains { $0 != one && swarm.peers[$0].map { $0.uploadCount > 0 } ?? false }
    }

    mutating func dispatchAll(_ swarm: inout SwarmState, _ availability: [UInt16], now: Double) {
        guard dispatcher?.hasGivenAll == false else { return }
        for key in swarm.peers.keys { dispatch(key, &swarm, availability, now: now) }
    }

    /// Ends super-seeding when every piece is in the swarm: announces all pieces to all peers.
    mutating func revealIfSpread(_ swarm: inout SwarmState) {
        guard swarm.configuration.superSeed, !isRevealed, dispatcher?.hasSpread == true else { return }
        isRevealed = true
        for key in swarm.peers.keys { revealAll(to: key, &swarm) }
    }

    private mutating func revealAll(to key: PeerKey, _ swarm: inout SwarmState) {
        guard let holdings = swarm.peers[key]?.holdings else { return }
        for piece in 0..<swarm.layout.pieceCount where swarm.canServe(piece) && !holdings.contains(piece) {
            swarm.send(key, .have(UInt32(piece)))
        }
    }

    /// With super-seeding, a peer may request only the pieces that were announced to it.
    func isShown(_ piece: Int, to key: PeerKey, _ swarm: inout SwarmState) -> Bool {
        guard swarm.configuration.superSeed, swarm.isFinished, !isRevealed, let dispatcher else { return true }
        return dispatcher.isAssigned(piece, to: key)
    }
}
