import Metainfo
import PeerWire

/// Whom to serve, and what of theirs comes next.
extension SwarmMachine {
    mutating func receivedInterest(_ interested: Bool, from key: PeerKey, now: Double) {
        guard let peer = peers.place(of: key) else { return }
        heardNothingNew(from: peer, now: now)
        guard flooder != key, peers[peer].isInterested != interested else { return }
        peers[peer].isInterested = interested
        let isServed = !peers[peer].amChoking && !isInTurns(key)
        if isServed { freeSlots.taken(interested ? 1 : -1) }
        if interested {
            peers[peer].waitingSince = now
            nextChokeAt = min(nextChokeAt, now)
            if turns.isGiving, peers[peer].traits.takesTurns {
                if !peers[peer].turns.isTold { tellOfTurns(key) }
                if isServing { unchoke(key, now: now) }
                // In a flood the next tick gives them.
                guard looks.spend(peers.count) else { return }
                wakeTurns()
                return giveTurns(now: now)
            }
            if !isServed, hasFreeSlot() { unchoke(key, now: now) }
        } else if !peers[peer].amChoking && !peers[peer].traits.supportsFast {
            // It keeps its slot until somebody wants it: the next look decides.
            nextChokeAt = min(nextChokeAt, now)
        }
    }

    private mutating func hasFreeSlot() -> Bool {
        if let free = freeSlots.count { return free > 0 }
        let served = peers.keys.count { key in
            !isInTurns(key) && peers.place(of: key).map { !peers[$0].amChoking && peers[$0].isInterested } ?? false
        }
        freeSlots.counted(slots - served)
        return served < slots
    }

    /// Pieces are being given out one by one, each to one peer first.
    public var isDispatching: Bool { dispatcher?.hasGivenAll == false }

    private var slots: Int {
        guard isServing else { return 0 }
        return choker.slots(uplink: uplink.measured, others: uplinksOfOthers, pieceLength: layout.pieceLength)
    }

    private var uplinksOfOthers: Choker.Others {
        var told: [Int] = []
        var wouldTell = false
        for key in peers.keys {
            guard let peer = peers.place(of: key), !peers[peer].traits.isWebSeed else { continue }
            // Who knows turns tells what it can send.
            wouldTell = wouldTell || peers[peer].traits.takesTurns
            if let uplink = peers[peer].traits.uplink { told.append(uplink) }
        }
        // The median: one that says too much has no say.
        guard !told.isEmpty else { return wouldTell ? .unknown : .silent }
        return .uplink(Double(told.sorted()[told.count / 2]))
    }

    /// Bytes per second that others can send, as the middle one of them says; nil when none does.
    public var uplinkOfOthers: Double? {
        if case .uplink(let other) = uplinksOfOthers { other } else { nil }
    }

    /// The uplink is measured anew from now on; what was measured stays.
    public mutating func restartUplink(now: Double) {
        uplink.restart()
        uplinkSeen = (now, uploadMeter.total, hasUploadsWaiting)
    }

    mutating func lookAtUplink(now: Double) {
        guard now - uplinkSeen.at >= 0.5 else { return }
        let isWaitedFor = hasUploadsWaiting
        uplink.observe(
            seconds: now - uplinkSeen.at, bytes: uploadMeter.total - uplinkSeen.bytes,
            isWaitedFor: isWaitedFor && uplinkSeen.isWaitedFor)
        uplinkSeen = (now, uploadMeter.total, isWaitedFor)
    }

    mutating func rechoke(now: Double) {
        guard now >= nextChokeAt else { return }
        nextChokeAt = now + choker.limits.period
        var candidates: [Choker.Candidate] = []
        for key in peers.keys {
            guard let peer = peers.place(of: key), peers[peer].isInterested,
                !peers[peer].isUploadOnly || !peers[peer].holdings.isFull
            else { continue }
            if isInTurns(key) {
                if isServing { unchoke(key, now: now) } else { choke(key, now: now) }
                continue
            }
            let givesRate = peers[peer].window.currentRate(now)
            let takesRate = peers[peer].uploadMeter.rate(now)
            candidates.append(
                Choker.Candidate(
                    key: key, isUnchoked: !peers[peer].amChoking, givesRate: givesRate, takesRate: takesRate,
                    since: peers[peer].waitingSince))
        }
        // What a peer was given first would lie with it alone while it waits for its next turn.
        let rotates = !isDispatching
        let chosen = isServing ? choker.choose(candidates, slots: slots, isSeed: isFinished, rotates: rotates) : []
        for candidate in candidates {
            if chosen.contains(candidate.key) {
                unchoke(candidate.key, now: now)
            } else {
                choke(candidate.key, now: now)
            }
        }
    }

    private mutating func unchoke(_ key: PeerKey, now: Double) {
        guard let peer = peers.place(of: key), peers[peer].amChoking else { return }
        peers[peer].amChoking = false
        if peers[peer].isInterested, !isInTurns(key) { freeSlots.taken(1) }
        peers[peer].waitingSince = now
        // Suggestions first, so that the peer's first requests are already for pieces of its own.
        if isFinished { dispatch(key, now: now) }
        send(key, .unchoke)
    }

    private mutating func choke(_ key: PeerKey, now: Double) {
        guard let peer = peers.place(of: key), !peers[peer].amChoking else { return }
        let waiting = peers[peer].uploads[peers[peer].uploadHead...]
        peers[peer].amChoking = true
        if peers[peer].isInterested, !isInTurns(key) { freeSlots.taken(-1) }
        peers[peer].waitingSince = now
        peers[peer].dropUploads()
        takeTurnsBack(from: key)
        send(key, .choke)
        guard peers[peer].traits.supportsFast else { return }
        for span in waiting { send(key, .reject(span.wire)) }
    }

    /// Requests that wait are to be made again.
    mutating func rejectWaiting(of key: PeerKey, now: Double) {
        guard let peer = peers.place(of: key), peers[peer].traits.supportsFast else { return }
        for span in peers[peer].uploads[peers[peer].uploadHead...] { send(key, .reject(span.wire)) }
        peers[peer].dropUploads()
    }

    mutating func receivedRequest(_ request: BlockRequest, from key: PeerKey, now: Double) {
        guard let peer = peers.place(of: key) else { return }
        guard let span = checked(request) else {
            return violation(key, "request out of range")
        }
        let isServed =
            canServe(span.piece) && isShown(span.piece, to: key) && !peers[peer].amChoking
            && !exceedsTurn(span, of: peer)
        guard isServed, peers[peer].uploadCount < configuration.requestQueue else {
            if peers[peer].traits.supportsFast { return send(key, .reject(request)) }
            if peers[peer].uploadCount >= 2 * configuration.requestQueue { violation(key, "too many requests") }
            // Choked in the meantime: a request that crossed our choke is no fault, and is dropped (BEP 3).
            return
        }
        if dispatcher?.hasGivenAll == false, dispatcher?.isAssigned(span.piece, to: key) == false {
            dispatcher?.isTaken(span.piece)
        }
        peers[peer].uploads.append(span)
        countQueued(span.length, of: peer, now: now)
        if peers[peer].uploadCount == 1 { actions.append(.upload(key)) }
    }

    private func checked(_ request: BlockRequest) -> BlockSpan? {
        guard let piece = layout.piece(Int(request.index)), request.length > 0,
            Int(request.length) <= configuration.longestRequest
        else { return nil }
        // Where files begin at pieces (v2 only), libtorrent asks past a file's end up to the end of the block: zeros.
        let end = layout.alignsFiles ? layout.pieceLength : layout.length(of: piece)
        guard Int(request.begin) + Int(request.length) <= end else { return nil }
        return BlockSpan(piece: piece.value, begin: Int(request.begin), length: Int(request.length))
    }

    mutating func receivedCancel(_ request: BlockRequest, from key: PeerKey, now: Double) {
        guard let peer = peers[key], let span = checked(request) else { return }
        guard let index = peer.uploads[peer.uploadHead...].firstIndex(of: span) else { return }
        peers[key]?.uploads.remove(at: index)
        if let place = peers.place(of: key) { countQueued(-span.length, of: place, now: now) }
        if peer.traits.supportsFast { send(key, .reject(request)) }
    }

    /// The next block to send to a peer whose socket can take more, nil when it wants nothing.
    public mutating func nextUpload(to key: PeerKey) -> BlockSpan? {
        guard let peer = peers.place(of: key), peers[peer].uploadCount > 0 else { return nil }
        let span = peers[peer].uploads[peers[peer].uploadHead]
        peers[peer].uploadHead += 1
        if peers[peer].uploadCount == 0 {
            peers[peer].dropUploads()
        } else if peers[peer].uploadHead > 256 {
            peers[peer].uploads.removeFirst(peers[peer].uploadHead)
            peers[peer].uploadHead = 0
        }
        return span
    }

    /// What the next upload to a peer would be, without taking it.
    public func peekUpload(to key: PeerKey) -> BlockSpan? {
        guard let peer = peers.place(of: key), peers[peer].uploadCount > 0 else { return nil }
        return peers[peer].uploads[peers[peer].uploadHead]
    }

    /// Bytes of blocks that went into a peer's socket.
    public mutating func uploaded(_ bytes: Int, to key: PeerKey, now: Double) {
        if let peer = peers.place(of: key) {
            peers[peer].uploadMeter.add(bytes, now: now)
            if !precedence.first.isEmpty { precedence.yielding.sent(bytes, goesFirst: peers[peer].goesFirst) }
        }
        uploadMeter.add(bytes, now: now)
        guard turns.isGiving, let peer = peers.place(of: key) else { return }
        turns.width.sent(bytes)
        countQueued(-bytes, of: peer, now: now)
    }

    /// A block of ``nextUpload(to:now:)`` cannot be sent.
    public mutating func uploadFailed(_ span: BlockSpan, to key: PeerKey, now: Double) {
        if let peer = peers.place(of: key) { countQueued(-span.length, of: peer, now: now) }
    }

    /// The content of a piece is not what it was: it is no longer served (BEP 54 tells those who understand).
    /// - Parameter refetch: it is wanted again; not where the content is only served, and not ours to write.
    public mutating func lost(_ index: PieceIndex, refetch: Bool = true, now: Double) {
        guard have.remove(index.value) else { return }
        dispatcher?.isTaken(index.value)
        if refetch, wanted.contains(index.value) {
            missingCount += 1
            picker.insert(index.value)
        }
        for key in peers.keys {
            if peers[key]?.traits.supportsDontHave == true {
                send(key, .extended(.dontHave(UInt32(truncatingIfNeeded: index.value))))
            }
            if refetch, peers[key]?.holdings.contains(index.value) == true, wanted.contains(index.value) {
                peers[key]?.wantedCount += 1
                updateInterest(key, now: now)
            }
        }
    }
}
