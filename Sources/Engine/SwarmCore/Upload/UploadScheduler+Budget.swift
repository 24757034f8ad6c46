import Metainfo
import PeerWire

/// An origin's budget of copies, see ``EgressBudget``: which requests are within it, and which agents may have more.
extension UploadScheduler {
    private enum Constant {
        /// Bytes of a piece that an agent may request, as a multiple of the piece: it may lose some on the way.
        static let tolerance = 2
        /// Maximum number of pieces that are being sent to an agent that asks without grants.
        static let mostSending = 256
        /// Seconds after which an agent may have a piece again that it was sent so often.
        static let repetition = 60.0
    }

    // MARK: Requests

    /// Whether a request is within the budget.
    func isWithinBudget(
        _ span: BlockSpan, of key: PeerKey, _ peer: PeerTable.Place, _ swarm: inout SwarmState,
        _ availability: [UInt16], now: Double
    ) -> Bool {
        guard !swarm.peers[peer].traits.isOrigin else { return true }
        guard swarm.isFinished else { return isWithinBudgetOfPart(span, of: key, &swarm, availability, now: now) }
        guard !swarm.peers[peer].holdings.contains(span.piece) else { return false }
        if swarm.egress?.takers[key] == nil { swarm.egress?.asks(key, now: now) }
        let piece = Int32(span.piece)
        if let known = swarm.egress?.takers[key]?.sending[piece] {
            if known.left >= span.length {
                swarm.egress?.takers[key]?.sending[piece]?.left -= span.length
                return true
            }
            // An agent cannot have the same piece again and again.
            guard now - known.at >= Constant.repetition else { return false }
        }
        guard swarm.egress?.takers[key]?.sending.count ?? 0 < Constant.mostSending || grants.serve(key, &swarm),
            isWithinBudget(span.piece, to: key, &swarm, availability, now: now)
        else { return false }
        let length = swarm.layout.length(of: PieceIndex(unchecked: span.piece))
        swarm.egress?.takers[key]?.lacking[piece] = nil
        swarm.egress?.takers[key]?.sending[piece] = EgressTaker.Sending(
            left: Constant.tolerance * length - span.length, at: now)
        return true
    }

    /// A request that was within the budget is not answered: the agent may make it again.
    func unspend(_ span: BlockSpan, of key: PeerKey, _ swarm: inout SwarmState) {
        swarm.egress?.takers[key]?.sending[Int32(span.piece)]?.left += span.length
    }

    /// The same while this origin is still fetching the content. It leaves the agents to an origin that has everything.
    private func isWithinBudgetOfPart(
        _ span: BlockSpan, of key: PeerKey, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double
    ) -> Bool {
        guard let egress = swarm.egress else { return true }
        if egress.takers[key] == nil { swarm.egress?.asks(key, now: now) }
        let isStarved = egress.isStarved(key, for: egress.limits.patience, now: now)
        guard isStarved || egress.mayPromise(span, isHeld: availability[span.piece] > 0) else { return false }
        swarm.egress?.promised(span)
        return true
    }

    private func isWithinBudget(
        _ piece: Int, to key: PeerKey, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double
    ) -> Bool {
        guard let egress = swarm.egress else { return true }
        if dispatcher?.isAssigned(piece, to: key) == true { return true }
        if egress.takers[key]?.lacking[Int32(piece)] != nil { return true }
        if egress.isLast(key, now: now) { return false }
        let isGone = dispatcher?.isGiven(piece) ?? (egress.sentBytes(of: piece) > 0)
        if !isGone, egress.isOurs(piece) { return true }
        if isGenerous(egress) { return true }
        if egress.isStarved(key, for: egress.limits.patience, now: now) { return true }
        guard egress.isWithin(piece) else { return false }
        // Whoever has a grant for a piece of its choice was judged before.
        if grants.serve(key, &swarm) || egress.isFree(promised: grants.granted.spoken) { return true }
        guard egress.help > 0, egress.isStarved(key, for: egress.limits.shortPatience, now: now) else { return false }
        swarm.egress?.helped()
        return true
    }

    /// Whether second copies go to whoever asks: all first ones are out, and the agents do less for each other than we could.
    private func isGenerous(_ egress: EgressBudget) -> Bool { egress.isScarce && dispatcher?.hasGivenAll ?? true }

    /// An agent says that those who have a piece do not deliver it.
    mutating func receivedLack(of raw: UInt32, from key: PeerKey, _ swarm: inout SwarmState, now: Double) {
        guard let piece = swarm.layout.piece(Int(raw))?.value, swarm.isFinished, swarm.canServe(piece),
            let patience = swarm.egress?.limits.patience, let peer = swarm.peers.place(of: key),
            !swarm.peers[peer].holdings.contains(piece),
            swarm.egress?.takers[key]?.lacks(piece, for: patience, now: now) == true
        else { return }
        swarm.peers[peer].grants.isBarred = false
        grants.wake()
    }

    // MARK: Requests that wait

    /// A request that is not within the budget: an agent asks others instead. Other programs ask when they please; their
    /// requests wait.
    func hold(_ span: BlockSpan, of key: PeerKey, _ peer: PeerTable.Place, _ swarm: inout SwarmState) {
        let held = swarm.egress?.takers[key]?.held.count ?? 0
        guard !swarm.peers[peer].traits.supportsGrants, held < swarm.configuration.requestQueue else {
            if swarm.peers[peer].traits.supportsFast { swarm.send(key, .reject(span.wire)) }
            return
        }
        swarm.egress?.takers[key]?.held.append(span)
    }

    /// - Returns: whether the request was waiting.
    func cancelHeld(_ span: BlockSpan, of key: PeerKey, _ swarm: inout SwarmState) -> Bool {
        guard let index = swarm.egress?.takers[key]?.held.firstIndex(of: span) else { return false }
        swarm.egress?.takers[key]?.held.remove(at: index)
        if swarm.peers[key]?.traits.supportsFast == true { swarm.send(key, .reject(span.wire)) }
        return true
    }

    func dropHeld(of key: PeerKey, _ swarm: inout SwarmState) {
        guard let held = swarm.egress?.takers[key]?.held, !held.isEmpty else { return }
        swarm.egress?.takers[key]?.held = []
        guard swarm.peers[key]?.traits.supportsFast == true else { return }
        for span in held { swarm.send(key, .reject(span.wire)) }
    }

    private mutating func lookAtHeld(
        of key: PeerKey, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double
    ) {
        guard let held = swarm.egress?.takers[key]?.held, !held.isEmpty, let peer = swarm.peers.place(of: key) else {
            return
        }
        swarm.egress?.takers[key]?.held = []
        for span in held {
            if swarm.peers[peer].holdings.contains(span.piece) {
                if swarm.peers[peer].traits.supportsFast { swarm.send(key, .reject(span.wire)) }
            } else if isWithinBudget(span, of: key, peer, &swarm, availability, now: now) {
                accept(span, of: key, peer, &swarm, availability, now: now)
            } else {
                swarm.egress?.takers[key]?.held.append(span)
            }
        }
    }

    // MARK: Time

    /// Call a few times a second.
    mutating func lookAtBudget(_ swarm: inout SwarmState, _ availability: [UInt16], now: Double) {
        guard let patience = swarm.egress?.limits else { return }
        swarm.egress?.look(now: now)
        guard swarm.isFinished else { return lookAtBudgetOfPart(&swarm, availability, now: now) }
        stepIn(&swarm, availability, now: now)
        if patience.isPreference { dispatcher?.passOverSpread(availability) }
        var waiting: [(key: PeerKey, since: Double)] = []
        let isGenerous = swarm.egress.map { self.isGenerous($0) } ?? false
        for key in swarm.peers.keys {
            guard let peer = swarm.peers.place(of: key) else { continue }
            takeBack(from: key, &swarm, availability, now: now)
            lookAtHeld(of: key, &swarm, availability, now: now)
            var isBarred = !swarm.peers[peer].traits.isOrigin && !isGenerous
            swarm.peers[peer].grants.isLast = swarm.egress?.isLast(key, now: now) == true
            if swarm.peers[peer].isInterested, let egress = swarm.egress, let taker = egress.takers[key] {
                let waited = now - taker.servedAt
                if waited >= patience.leastPatience { restoreIfNeeded(by: peer, &swarm, availability) }
                if egress.isStarved(key, for: patience.patience, now: now) || !taker.lacking.isEmpty {
                    isBarred = false
                } else if waited >= patience.shortPatience, !swarm.peers[peer].grants.isBusy {
                    waiting.append((key, taker.servedAt))
                }
            }
            swarm.peers[peer].grants.isBarred = isBarred
        }
        // Whoever has waited for longest first.
        guard let help = swarm.egress?.help, help > 0, !waiting.isEmpty else { return }
        for (key, _) in waiting.sorted(by: { $0.since < $1.since }).prefix(help) {
            if let peer = swarm.peers.place(of: key) { swarm.peers[peer].grants.isBarred = false }
        }
    }

    private mutating func lookAtBudgetOfPart(_ swarm: inout SwarmState, _ availability: [UInt16], now: Double) {
        let keys = swarm.peers.keys
        var isOtherWhole = false
        for key in keys where !isOtherWhole {
            guard let peer = swarm.peers.place(of: key) else { continue }
            isOtherWhole = swarm.peers[peer].traits.isOrigin && swarm.peers[peer].holdings.isFull
        }
        swarm.egress?.isOtherWhole = isOtherWhole
        for key in keys { lookAtHeld(of: key, &swarm, availability, now: now) }
    }

    /// Dispatches pieces again that an agent has and does not announce.
    private mutating func takeBack(
        from key: PeerKey, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double
    ) {
        guard let patience = swarm.egress?.limits.patience else { return }
        let layout = swarm.layout
        let kept =
            swarm.egress?.takers[key]?.look(now: now, patience: patience) {
                layout.length(of: PieceIndex(unchecked: $0))
            } ?? []
        for piece in kept where availability[piece] == 0 { dispatcher?.takeBack(piece, from: key) }
    }

    /// Dispatches pieces again that no connected agent has, once some agent does not get them from agents that have
    /// left with everything.
    private mutating func restoreIfNeeded(
        by peer: PeerTable.Place, _ swarm: inout SwarmState, _ availability: [UInt16]
    ) {
        guard swarm.egress?.mayRestore == true else { return }
        let holdings = swarm.peers[peer].holdings
        guard
            availability.indices.contains(where: {
                availability[$0] == 0 && !holdings.contains($0) && swarm.canServe($0)
            })
        else { return }
        swarm.egress?.mayRestore = false
        dispatcher?.restore { availability[$0] == 0 && swarm.canServe($0) }
    }

    /// Gives pieces of another origin's share while that origin gives none.
    private mutating func stepIn(_ swarm: inout SwarmState, _ availability: [UInt16], now: Double) {
        let have = swarm.have
        guard swarm.egress?.findSilent(now: now, isLacking: { availability[$0] == 0 && have.contains($0) }) == true,
            let egress = swarm.egress
        else { return }
        dispatcher?.leave(to: egress.share, silent: egress.silent)
        grants.wake()
    }
}
