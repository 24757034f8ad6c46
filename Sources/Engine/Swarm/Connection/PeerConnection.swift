import Address
import Admission
import Hashing
import PeerWire
import Reactor
import SwarmCore

/// A connection to a peer: handshake, framing, and transfer of bytes between the stream and their destination.
///
/// Each phase has its own state type, created when the phase begins and released when it ends, so that state of one
/// phase cannot be used in another. The connection keeps what all phases need: the stream, the place in the budget, and
/// its key in the torrent.
///
/// It makes no decisions about pieces. It must never buffer more than one received frame, nor more outgoing data than
/// the torrent's machine has requested. Lives on the loop.
final class PeerConnection: ReadinessHandler {
    enum Phase {
        /// This host is connecting. Next: handshaking, closed.
        case connecting(Handshaking)
        /// Waiting for the peer's handshake. Next: open, closed.
        case handshaking(Handshaking)
        /// Both handshakes are complete. Next: closed.
        case open(Open)
        case closed
    }

    let stream: ByteStream
    let address: PeerAddress
    let isIncoming: Bool
    let loop: EventLoop
    let staging: ReceiveStaging
    let tunables: Tunables

    private(set) var phase: Phase
    private var watch = StreamWatch()
    /// The connection's place in the process's budget.
    private(set) var ticket: Admission.Ticket?

    /// The peer's key in the torrent's machine.
    var key: PeerKey?
    /// Nil for a peer's first connection.
    var further: FurtherRole?
    /// Where it listens, as far as is known: what is told to others, and dialled again.
    var listenAddress: PeerAddress?

    /// A connection that a peer made to this host.
    /// - Parameters:
    ///   - eviction: closes it when its place in the budget is needed.
    ///   - directory: finds the torrent that its handshake names.
    init(
        accepted stream: ByteStream, from address: PeerAddress, loop: EventLoop, staging: ReceiveStaging,
        tunables: Tunables, ticket: Admission.Ticket?, eviction: Eviction, directory: any TorrentDirectory
    ) {
        self.stream = stream
        self.address = address
        self.loop = loop
        self.staging = staging
        self.tunables = tunables
        self.ticket = ticket
        isIncoming = true
        phase = .handshaking(Handshaking(eviction: eviction, directory: directory))
    }

    /// A connection that a peer made to this host and another loop took in. See ``arrive()``.
    init(arriving transit: ConnectionInTransit, loop: EventLoop, staging: ReceiveStaging, tunables: Tunables) {
        stream = transit.stream
        address = transit.address
        self.loop = loop
        self.staging = staging
        self.tunables = tunables
        ticket = transit.take()
        isIncoming = true
        phase = .handshaking(
            Handshaking(resuming: transit.exchange, eviction: transit.eviction, until: transit.deadline))
    }

    /// An outgoing connection.
    init(
        dialled stream: ByteStream, to address: PeerAddress, infoHash: SHA1Digest, owner: any ConnectionOwner,
        loop: EventLoop, staging: ReceiveStaging, tunables: Tunables, ticket: Admission.Ticket?
    ) {
        self.stream = stream
        self.address = address
        self.loop = loop
        self.staging = staging
        self.tunables = tunables
        self.ticket = ticket
        isIncoming = false
        phase = .connecting(Handshaking(infoHash: infoHash, owner: owner))
        listenAddress = address
    }

    func start() {
        stream.setNoDelay()
        stream.setUnsentLowWater(bytes: UnsentLimit.first)
        switch phase {
        case .connecting(let handshaking):
            limitTime(of: handshaking, until: loop.now + tunables.handshake)
            want(.write)
        case .handshaking(let handshaking):
            handshaking.eviction?.follow(self)
            limitTime(of: handshaking, until: loop.now + tunables.handshake)
            want(.read)
        case .open, .closed: break
        }
    }

    func limitTime(of handshaking: Handshaking, until time: Double) {
        handshaking.deadlineAt = time
        handshaking.deadline = loop.schedule(after: time - loop.now) { [weak self] in self?.close(.timedOut) }
    }

    func ready(_ readiness: Readiness) {
        switch phase {
        case .closed: break
        case .connecting(let handshaking):
            let code = stream.connectError
            guard code == 0 else { return close(CloseReason(receiving: code)) }
            phase = .handshaking(handshaking)
            want(.read)
            sendHandshake(handshaking)
            handshaking.owner?.carryOutActions()
        case .handshaking(let handshaking):
            shakeHands(handshaking, readiness)
            handshaking.owner?.carryOutActions()
        case .open(let open):
            open.ready(readiness, on: self)
            open.owner.carryOutActions()
        }
    }

    /// The handshakes are complete.
    func enter(_ open: Open) {
        guard case .handshaking(let handshaking) = phase else { return }
        if let deadline = handshaking.deadline { loop.cancel(deadline) }
        phase = .open(open)
    }

    // MARK: Readiness

    var interest: Interest { watch.interest }

    /// Changes which events the loop reports, with as few system calls as possible.
    func want(_ change: Interest) {
        guard !isClosed else { return }
        do { try watch.want(change, of: stream, on: loop, handler: self) } catch { close(.failed(error.description)) }
    }

    /// The loop reports nothing more, not even a hang-up.
    func unwatch() { watch.end(of: stream, on: loop) }

    // MARK: The end

    var isClosed: Bool { if case .closed = phase { true } else { false } }

    /// Another connection needs this one's place in the budget.
    func evict() {
        let owner = owner
        close(.evicted)
        owner?.carryOutActions()
    }

    func close(_ reason: CloseReason) {
        let last = phase
        phase = .closed
        switch last {
        case .closed: return
        case .connecting(let handshaking), .handshaking(let handshaking):
            if let deadline = handshaking.deadline { loop.cancel(deadline) }
            closeStream()
            if let owner = handshaking.owner {
                owner.closed(self, reason, last: nil)
            } else {
                handshaking.directory?.ended(self)
            }
        case .open(let open):
            open.end(of: self)
            closeStream()
            open.owner.closed(self, reason, last: open)
        }
    }

    /// Ends it here without closing its stream or giving back its place, which are the caller's now.
    /// - Returns: nil unless its handshake is under way.
    func giveUp() -> (Handshaking, Admission.Ticket?)? {
        guard case .handshaking(let handshaking) = phase else { return nil }
        phase = .closed
        if let deadline = handshaking.deadline { loop.cancel(deadline) }
        watch.end(of: stream, on: loop)
        defer { ticket = nil }
        return (handshaking, ticket)
    }

    private func closeStream() {
        watch.end(of: stream, on: loop)
        stream.close()
        ticket?.release()
        ticket = nil
    }
}
