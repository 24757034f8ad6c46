import Hashing
import PeerWire
import Reactor
import SwarmCore

extension PeerConnection {
    /// The state of a connection after its handshakes, until it closes.
    ///
    /// It keeps its torrent alive. Whoever ends a torrent must close its connections.
    final class Open {
        let owner: any ConnectionOwner
        /// What the peer's blocks count against: the torrent's limits, or those for peers outside our site.
        var inbound: TransferLimits
        /// The info hash of our handshake, truncated to 20 bytes.
        let infoHash: SHA1Digest
        /// The peer's handshake.
        let handshake: Handshake
        var capabilities = PeerCapabilities()
        var path = PathCare()
        private(set) var isClosed = false

        // Receiving
        var decoder: FrameDecoder
        /// The beginning of an incomplete frame.
        var leftover: [UInt8] = []
        /// The block whose payload is being received.
        var incoming: IncomingBlock?
        var lastReceived: Double
        var bytesReceived: Int64 = 0
        /// Received bytes that ``unasked`` has counted, or that belong to requested blocks.
        var bytesExplained: Int64 = 0
        var unasked: UnaskedBytes
        /// Set while the download limit pauses reading.
        var readPause: TimerToken?
        /// The peer is not read until it has read our replies.
        var isHeldBack = false

        // Sending
        var outbox: Outbox
        /// Bytes of the outbox for which room in the budget was reserved.
        var reserved = 0
        var answers = PendingAnswers()
        /// The block that is being sent.
        var upload: OutgoingBlock?
        /// Whether blocks may be sent.
        var mayUpload = false
        var lastSent: Double
        var bytesSent: Int64 = 0
        var unsent = UnsentLimit()
        var opening = OpeningPace()
        /// Set while a limit pauses sending, until ``writeDue``.
        var writePause: TimerToken?
        var writeDue = 0.0
        var progressedAt = -Double.infinity

        /// - Parameter unsent: bytes of our handshake that the stream has not accepted.
        init(owner: any ConnectionOwner, infoHash: SHA1Digest, handshake: Handshake, unsent: [UInt8], now: Double) {
            self.owner = owner
            inbound = owner.limits
            self.infoHash = infoHash
            self.handshake = handshake
            let bounds = owner.bounds
            decoder = FrameDecoder(peer: handshake.reserved, content: bounds)
            unasked = UnaskedBytes(pieces: bounds?.pieceCount ?? 0, now: now)
            outbox = Outbox(unsent)
            lastReceived = now
            lastSent = now
        }
    }
}

extension PeerConnection.Open {
    func ready(_ readiness: Readiness, on connection: PeerConnection) {
        if readiness.writable { flush(on: connection) }
        guard !isClosed else { return }
        if readiness.closed, isHeldBack { return connection.close(.closedByPeer) }
        if readiness.closed, readPause != nil {
            // While the limit keeps us from reading, the loop would report a hang-up again and again.
            connection.unwatch()
        } else if readiness.readable || readiness.closed {
            receive(on: connection)
        }
    }

    /// A requested block was received or sent. Noted at most once a second.
    func progressed(on connection: PeerConnection) {
        let now = connection.loop.now
        guard now - progressedAt >= 1 else { return }
        progressedAt = now
        connection.ticket?.progressed(now: now)
        owner.progressed(connection)
    }

    /// Call every few seconds.
    func checkIdle(on connection: PeerConnection) {
        let (now, tunables) = (connection.loop.now, connection.tunables)
        if now - lastReceived > tunables.idle { return connection.close(.timedOut) }
        let isWaitedFor = upload != nil || !outbox.isEmpty
        if isWaitedFor, now - lastSent > tunables.idle { return connection.close(.timedOut) }
        guard now - lastSent > tunables.keepAlive else { return }
        send(.keepAlive, on: connection)
        flush(on: connection)
    }

    // MARK: Pauses

    /// Pauses reading until the limit allows more.
    func pauseReading(for delay: Double, on connection: PeerConnection) {
        connection.want(connection.interest.subtracting(.read))
        guard readPause == nil else { return }
        readPause = connection.loop.schedule(after: delay) { [weak connection] in
            guard let connection, let open = connection.open else { return }
            open.readPause = nil
            guard !open.isHeldBack else { return }
            connection.want(connection.interest.union(.read))
            open.receive(on: connection)
            open.owner.carryOutActions()
        }
    }

    /// Pauses reading until the peer has read our replies.
    func holdBack(_ connection: PeerConnection) {
        guard !isHeldBack else { return }
        isHeldBack = true
        connection.want(connection.interest.subtracting(.read))
    }

    func letGo(of connection: PeerConnection) {
        guard isHeldBack else { return }
        isHeldBack = false
        if readPause == nil { connection.want(connection.interest.union(.read)) }
    }

    /// Pauses uploading until the limit allows more.
    func pauseSending(for delay: Double, on connection: PeerConnection) {
        let due = connection.loop.now + delay
        if let pause = writePause {
            guard due < writeDue else { return }
            connection.loop.cancel(pause)
        }
        writeDue = due
        writePause = connection.loop.schedule(after: delay) { [weak connection] in
            guard let connection, let open = connection.open else { return }
            open.writePause = nil
            open.flush(on: connection)
            open.owner.carryOutActions()
        }
    }

    /// The limits have changed: ends pauses of the old ones.
    func limitsChanged(on connection: PeerConnection) {
        for pause in [readPause, writePause] { if let pause { connection.loop.cancel(pause) } }
        writePause = nil
        flush(on: connection)
        guard readPause != nil, !isClosed else { return }
        readPause = nil
        guard !isHeldBack else { return }
        connection.want(connection.interest.union(.read))
    }

    // MARK: The end

    /// The connection is closed: cancels its timers and releases its part of the budget.
    func end(of connection: PeerConnection) {
        isClosed = true
        for pause in [readPause, writePause] { if let pause { connection.loop.cancel(pause) } }
        if reserved > 0 { connection.ticket?.releaseUnsent(reserved) }
    }
}
