import Admission
import Hashing
import PeerWire
import Reactor
import SwarmCore

/// One connection to a peer: handshake, framing, and moving bytes between the stream and where they belong.
///
/// Each phase has what it needs in a type of its own, made when the phase begins and gone when it ends: nothing of one phase
/// can be used in another. The connection itself keeps what all of them need: the stream, the place in the budget, and what
/// its torrent calls it.
///
/// It decides nothing about pieces. It must never buffer more than one frame of what comes in, nor more of what goes
/// out than the torrent's machine has asked for. Lives on the loop.
final class PeerConnection: ReadinessHandler {
    enum Phase {
        /// This host is connecting. Then: handshaking, closed.
        case connecting(Handshaking)
        /// The peer's handshake is awaited. Then: open, closed.
        case handshaking(Handshaking)
        /// Both handshakes are done. Then: closed.
        case open(Open)
        case closed
    }

    let stream: ByteStream
    let address: SocketAddress
    let isIncoming: Bool
    let loop: EventLoop
    let staging: ReceiveStaging
    let tunables: Tunables

    private(set) var phase: Phase
    private var watch = StreamWatch()
    /// Its place in the budget of the process.
    private(set) var ticket: Admission.Ticket?

    /// Its name in the torrent's machine.
    var key: PeerKey?
    /// Nil for a peer's first connection.
    var further: FurtherRole?
    /// Where it listens, as far as is known: what is told to others, and dialled again.
    var listenAddress: SocketAddress?

    /// A connection that a peer made to this host.
    /// - Parameter directory: finds the torrent that its handshake names.
    init(
        accepted stream: ByteStream, from address: SocketAddress, loop: EventLoop, staging: ReceiveStaging,
        tunables: Tunables, ticket: Admission.Ticket?, directory: any TorrentDirectory
    ) {
        self.stream = stream
        self.address = address
        self.loop = loop
        self.staging = staging
        self.tunables = tunables
        self.ticket = ticket
        isIncoming = true
        phase = .handshaking(Handshaking(directory: directory))
    }

    /// A connection that this host makes.
    init(
        dialled stream: ByteStream, to address: SocketAddress, infoHash: SHA1Digest, owner: any ConnectionOwner,
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
            limitTime(of: handshaking)
            want(.write)
        case .handshaking(let handshaking):
            limitTime(of: handshaking)
            want(.read)
        case .open, .closed: break
        }
    }

    private func limitTime(of handshaking: Handshaking) {
        handshaking.deadline = loop.schedule(after: tunables.handshake) { [weak self] in self?.close(.timedOut) }
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

    /// The handshakes are done.
    func enter(_ open: Open) {
        guard case .handshaking(let handshaking) = phase else { return }
        if let deadline = handshaking.deadline { loop.cancel(deadline) }
        phase = .open(open)
    }

    // MARK: Readiness

    var interest: Interest { watch.interest }

    /// What the loop is to tell, kept to the fewest system calls.
    func want(_ change: Interest) {
        guard !isClosed else { return }
        do { try watch.want(change, of: stream, on: loop, handler: self) } catch { close(.failed(error.description)) }
    }

    /// The loop is to tell nothing, not even that the peer is gone.
    func unwatch() { watch.end(of: stream, on: loop) }

    // MARK: The end

    var isClosed: Bool { if case .closed = phase { true } else { false } }

    /// Its place in the budget was needed for another.
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

    private func closeStream() {
        watch.end(of: stream, on: loop)
        stream.close()
        ticket?.release()
        ticket = nil
    }
}
