import Hashing
import PeerWire
import Reactor
import SwarmCore

extension PeerConnection {
    /// What a connection has from the end of the handshakes to its own.
    ///
    /// It keeps its torrent alive; whoever ends a torrent closes its connections.
    final class Open {
        let owner: any ConnectionOwner
        /// The info hash, cut to 20 bytes, that our handshake named.
        let infoHash: SHA1Digest
        /// The peer's.
        let handshake: Handshake
        var capabilities = PeerCapabilities()
        var path = PathCare()
        private(set) var isClosed = false

        // Receiving
        var decoder: FrameDecoder
        /// The beginning of a frame whose rest has not come.
        var leftover: [UInt8] = []
        /// The block whose payload is being received.
        var incoming: IncomingBlock?
        var lastReceived: Double
        var bytesReceived: Int64 = 0
        /// What of them has been looked at by ``unasked``, or was of blocks that were asked for.
        var bytesExplained: Int64 = 0
        var unasked: UnaskedBytes
        /// Set while the limit keeps us from reading.
        var readPause: TimerToken?
        /// The peer is not read until it has taken our replies.
        var isHeldBack = false

        // Sending
        var outbox: Outbox
        /// Bytes of the outbox for which the budget has been asked.
        var reserved = 0
        var answers = PendingAnswers()
        /// The block that is being sent.
        var upload: OutgoingBlock?
        /// Blocks may be sent.
        var mayUpload = false
        var lastSent: Double
        var bytesSent: Int64 = 0
        var unsent = UnsentLimit()
        var opening = OpeningPace()
        /// Set while a limit keeps us from sending, until ``writeDue``.
        var writePause: TimerToken?
        var writeDue = 0.0
        var progressedAt = -Double.infinity

        /// - Parameter unsent: bytes of our handshake that the stream has not taken.
        init(owner: any ConnectionOwner, infoHash: SHA1Digest, handshake: Handshake, unsent: [UInt8], now: Double) {
            self.owner = owner
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
            // A hang-up is told again and again while the limit keeps us from reading up to it.
            connection.unwatch()
        } else if readiness.readable || readiness.closed {
            receive(on: connection)
        }
    }

    /// Something that was asked for came or went. Noted once a second.
    func progressed(on connection: PeerConnection) {
        let now = connection.loop.now
        guard now - progressedAt >= 1 else { return }
        progressedAt = now
        connection.ticket?.progressed(now: now)
        owner.progressed(connection)
    }

    /// Called every few seconds.
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

    /// Stops reading until the limit allows more.
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

    /// Stops reading until the peer has taken our replies.
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

    /// Stops uploading until the limit allows more.
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

    /// The limits are others now: what waits for the old ones waits no more.
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

    /// The connection is closed: its timers end, and what it had of the budget is given back.
    func end(of connection: PeerConnection) {
        isClosed = true
        for pause in [readPause, writePause] { if let pause { connection.loop.cancel(pause) } }
        if reserved > 0 { connection.ticket?.releaseUnsent(reserved) }
    }
}
