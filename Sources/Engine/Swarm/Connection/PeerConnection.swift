import Admission
import Glibc
import Hashing
import PeerWire
import Reactor
import SwarmCore

/// One TCP connection to a peer: handshake, framing, and moving bytes between the socket and where they belong.
///
/// It decides nothing about pieces. It must never buffer more than one frame of what comes in, nor more of what goes
/// out than the torrent's machine has asked for. Lives on the loop.
final class PeerConnection: ReadinessHandler {
    enum Phase {
        case connecting
        /// What we are to send is sent; theirs is awaited.
        case handshaking
        case open
        case closed
    }

    struct Tunables: Sendable {
        /// Seconds for a connection to be made and its handshake to come, together.
        var handshake = 12.0
        /// Seconds without a byte after which a peer is taken for gone; peers send something every two minutes.
        var idle = 240.0
        /// Seconds without a byte of ours after which we send a keep-alive.
        var keepAlive = 100.0
        /// Bytes read or written for one peer before others have their turn.
        var turn = 1 << 20
        /// Bytes read at once where no block is under way; more only to complete a long frame.
        var read = 256 << 10
        /// Bytes read beyond a block that goes straight to its place, looking for the next header.
        var lookAhead = 4096
        /// Bytes of control messages that may wait for a peer that does not read.
        var outbox = 4 << 20
        /// Bytes of replies that may wait; with more the peer is not read until all are sent.
        var replies = 64 << 10
        /// Bytes that may wait without a part of the budget of the process.
        var freeUnsent = 20 << 10
    }

    let tunables: Tunables
    let address: SocketAddress
    let isIncoming: Bool
    let loop: EventLoop
    let staging: ReceiveStaging
    let descriptor: CInt
    /// Gives an incoming connection its ``owner``, the torrent it wants, if that is here.
    let resolve: (PeerConnection, SHA1Digest) -> Void

    /// Its place in the budget of the process.
    private var ticket: Admission.Ticket?
    private var progressedAt = -Double.infinity
    /// Called at the end of a connection that belongs to no torrent yet.
    var endedUnnamed: ((PeerConnection) -> Void)?

    private(set) var phase: Phase
    weak var owner: (any ConnectionOwner)?
    /// The info hash, cut to 20 bytes, that this connection is about.
    private(set) var infoHash: SHA1Digest?
    var handshake: Handshake?
    /// Its name in the torrent's machine.
    var key: PeerKey?
    var capabilities = PeerCapabilities()
    /// Where it listens, as far as is known: what is told to others, and dialled again.
    var listenAddress: SocketAddress?

    // Receiving
    var decoder: FrameDecoder?
    var leftover: [UInt8] = []
    var incoming: IncomingBlock?
    private(set) var lastReceived: Double
    var bytesReceived: Int64 = 0
    /// What of them has been looked at by ``unasked``, or was of blocks that were asked for.
    var bytesExplained: Int64 = 0
    var unasked: UnaskedBytes

    // Sending
    var outbox: [UInt8] = []
    var outboxHead = 0
    /// Bytes of the outbox that answer what the peer sent.
    var replies = 0
    /// Bytes of the outbox for which the budget has been asked.
    var reserved = 0
    /// The peer is not read until it has taken our replies.
    var isHeldBack = false
    /// The torrent that it asked for is being looked up: its handshake is kept, and nothing more is read.
    private(set) var isAwaitingTorrent = false
    var answers = PendingAnswers()
    var upload: OutgoingBlock?
    var lastSent: Double
    var mayUpload = false
    var unsent = UnsentLimit()
    var opening = OpeningPace()
    var bytesSent: Int64 = 0

    /// nil for a peer's first connection.
    var further: FurtherRole?
    var path = PathCare()

    private var interest: Interest = []
    private var isRegistered = false
    private var readTimer: TimerToken?
    private var writeTimer: TimerToken?
    private var writeDue = 0.0
    private var deadline: TimerToken?

    /// A connection that somebody made to us.
    init(
        accepted descriptor: CInt, from address: SocketAddress, loop: EventLoop, staging: ReceiveStaging,
        tunables: Tunables, ticket: Admission.Ticket?, resolve: @escaping (PeerConnection, SHA1Digest) -> Void
    ) {
        self.descriptor = descriptor
        self.address = address
        self.loop = loop
        self.staging = staging
        self.tunables = tunables
        self.ticket = ticket
        self.resolve = resolve
        isIncoming = true
        phase = .handshaking
        lastReceived = loop.now
        lastSent = loop.now
        unasked = UnaskedBytes(now: loop.now)
    }

    /// A connection that we are making.
    init(
        dialled descriptor: CInt, to address: SocketAddress, infoHash: SHA1Digest, owner: any ConnectionOwner,
        loop: EventLoop, staging: ReceiveStaging, tunables: Tunables, ticket: Admission.Ticket?
    ) {
        self.descriptor = descriptor
        self.address = address
        self.loop = loop
        self.staging = staging
        self.tunables = tunables
        self.infoHash = infoHash
        self.owner = owner
        self.ticket = ticket
        resolve = { _, _ in }
        isIncoming = false
        phase = .connecting
        listenAddress = address
        lastReceived = loop.now
        lastSent = loop.now
        unasked = UnaskedBytes(now: loop.now)
    }

    func start() {
        Socket.setNoDelay(descriptor)
        Socket.setUnsentLowWater(descriptor, bytes: unsent.bytes)
        want(phase == .connecting ? .write : .read)
        deadline = loop.schedule(after: tunables.handshake) { [weak self] in self?.close(.timedOut) }
    }

    func ready(_ readiness: Readiness) {
        switch phase {
        case .closed: return
        case .connecting:
            let code = Socket.error(of: descriptor)
            guard code == 0 else { return close(.failed(String(cString: strerror(code)))) }
            phase = .handshaking
            sendHandshake()
            want(.read)
            flush()
        case .handshaking, .open:
            if readiness.writable { flush() }
            if readiness.closed, isHeldBack || isAwaitingTorrent { return close(.closedByPeer) }
            if readiness.closed, readTimer != nil, phase != .closed {
                // A hang-up is told again and again while the limit keeps us from reading up to it.
                unwatch()
            } else if readiness.readable || readiness.closed, phase != .closed {
                receive()
            }
        }
        owner?.settle()
    }

    // MARK: Handshake

    private func sendHandshake() {
        guard let owner, let infoHash else { return close(.shutdown) }
        Handshake(reserved: owner.reservedBits, infoHash: infoHash, peerID: further?.announced ?? owner.peerID).encode(
            into: &outbox)
    }

    /// - Returns: bytes used, nil when the connection was closed.
    func takeHandshake(_ bytes: UnsafeRawBufferPointer) -> Int? {
        do {
            switch try HandshakeDecoder.judge(bytes) {
            case .needMore: return 0
            case .torrent(let reserved, let wanted):
                return accept(wanted, reserved) ? 0 : nil
            case .complete(let handshake):
                guard accept(handshake.infoHash, handshake.reserved) else { return nil }
                if isAwaitingTorrent { return 0 }
                return complete(handshake) ? Handshake.byteCount : nil
            }
        } catch {
            close(.violation(error.description))
            return nil
        }
    }

    private func accept(_ wanted: SHA1Digest, _ reserved: ReservedBits) -> Bool {
        if infoHash != nil {
            // The other side of a hybrid may move to the second version by answering with that hash (BEP 52).
            let isOurs = owner?.infoHashes.wire.contains(wanted) ?? false
            if !isOurs { close(.violation("handshake for another torrent")) }
            return isOurs
        }
        if owner == nil { resolve(self, wanted) }
        if isAwaitingTorrent {
            want(interest.subtracting(.read))
            return true
        }
        guard let owner else {
            close(.failed("no such torrent here"))
            return false
        }
        let second = reserved.contains(.v2) ? owner.infoHashes.v2?.truncated : nil
        infoHash = second ?? wanted
        sendHandshake()
        flush()
        return phase != .closed
    }

    /// Called by whoever resolves: the owner comes later, or not at all, with ``resumeHandshake()``.
    func awaitTorrent() { isAwaitingTorrent = true }

    /// The torrent was found, and is the ``owner`` now, or was not: the handshake goes on.
    func resumeHandshake() {
        guard isAwaitingTorrent, phase == .handshaking else { return }
        isAwaitingTorrent = false
        guard owner != nil else { return close(.failed("no such torrent here")) }
        reread()
        if phase != .closed {
            want(interest.union(.read))
            receive()
        }
        owner?.settle()
    }

    private func complete(_ handshake: Handshake) -> Bool {
        guard let owner else { return false }
        if let deadline { loop.cancel(deadline) }
        deadline = nil
        self.handshake = handshake
        phase = .open
        decoder = FrameDecoder(peer: handshake.reserved, content: owner.bounds)
        unasked = UnaskedBytes(pieces: owner.bounds?.pieceCount ?? 0, now: loop.now)
        guard owner.opened(self, handshake) else {
            close(.redundant)
            return false
        }
        ticket?.opened(now: loop.now)
        mayUpload = true
        return true
    }

    /// Something that was asked for came or went. Noted once a second.
    func progressed() {
        guard loop.now - progressedAt >= 1 else { return }
        progressedAt = loop.now
        ticket?.progressed(now: loop.now)
        owner?.progressed(self)
    }

    // MARK: Readiness

    /// What epoll is to tell, kept to the fewest system calls.
    func want(_ change: Interest) {
        guard phase != .closed, change != interest || !isRegistered else { return }
        interest = change
        if isRegistered {
            loop.modify(descriptor, for: interest)
        } else {
            isRegistered = true
            do { try loop.register(descriptor, for: interest, handler: self) } catch {
                close(.failed(error.description))
            }
        }
    }

    private func unwatch() {
        guard isRegistered else { return }
        isRegistered = false
        loop.unregister(descriptor)
    }

    func wantWrite(_ wanted: Bool) { want(wanted ? interest.union(.write) : interest.subtracting(.write)) }

    func noteReceived(_ bytes: Int) {
        lastReceived = loop.now
        bytesReceived += Int64(bytes)
    }

    /// Of what was received, so many bytes were of a block that was asked for.
    func noteAsked(_ bytes: Int) {
        bytesExplained += Int64(bytes)
        owner?.limits.received(bytes)
    }

    /// Stops reading until the limit allows more.
    func pauseReading(for delay: Double) {
        want(interest.subtracting(.read))
        guard readTimer == nil else { return }
        readTimer = loop.schedule(after: delay) { [weak self] in
            guard let self, phase != .closed else { return }
            readTimer = nil
            guard !isHeldBack else { return }
            want(interest.union(.read))
            receive()
            owner?.settle()
        }
    }

    /// Stops reading until the peer has taken our replies.
    func holdBack() {
        guard !isHeldBack else { return }
        isHeldBack = true
        want(interest.subtracting(.read))
    }

    func letGo() {
        guard isHeldBack else { return }
        isHeldBack = false
        if readTimer == nil { want(interest.union(.read)) }
    }

    /// Stops uploading until the limit allows more.
    func pauseSending(for delay: Double) {
        let due = loop.now + delay
        if let timer = writeTimer {
            guard due < writeDue else { return }
            loop.cancel(timer)
        }
        writeDue = due
        writeTimer = loop.schedule(after: delay) { [weak self] in
            guard let self, phase != .closed else { return }
            writeTimer = nil
            flush()
            owner?.settle()
        }
    }

    /// The limits are others now: what waits for the old ones waits no more.
    func limitsChanged() {
        for timer in [readTimer, writeTimer] { if let timer { loop.cancel(timer) } }
        writeTimer = nil
        flush()
        guard readTimer != nil, phase != .closed else { return }
        readTimer = nil
        guard !isHeldBack else { return }
        want(interest.union(.read))
    }

    /// What waits for a slow reader beyond a little comes out of the budget of the process.
    /// - Returns: false when there is no room for it.
    func reserve(_ waiting: Int) -> Bool {
        let beyond = waiting - tunables.freeUnsent
        guard beyond > 0 || reserved > 0 else { return true }
        let wanted = beyond > 0 ? (beyond | 0x3fff) + 1 : 0
        if wanted > reserved {
            guard ticket?.reserveUnsent(wanted - reserved) ?? true else { return false }
        } else if wanted < reserved {
            ticket?.releaseUnsent(reserved - wanted)
        }
        reserved = wanted
        return true
    }

    /// Called every few seconds.
    func checkIdle() {
        guard phase == .open else { return }
        if loop.now - lastReceived > tunables.idle { return close(.timedOut) }
        let isWaitedFor = upload != nil || outboxHead < outbox.count
        if isWaitedFor, loop.now - lastSent > tunables.idle { return close(.timedOut) }
        guard loop.now - lastSent > tunables.keepAlive else { return }
        send(.keepAlive)
        flush()
    }

    // MARK: The end

    /// Its place in the budget was needed for another.
    func evict() {
        let owner = owner
        close(.evicted)
        owner?.settle()
    }

    func close(_ reason: CloseReason) {
        guard phase != .closed else { return }
        phase = .closed
        for timer in [readTimer, writeTimer, deadline] { if let timer { loop.cancel(timer) } }
        if isRegistered { loop.unregister(descriptor) }
        Glibc.close(descriptor)
        if reserved > 0 { ticket?.releaseUnsent(reserved) }
        ticket?.release()
        ticket = nil
        if owner == nil { endedUnnamed?(self) }
        owner?.closed(self, reason)
        incoming = nil
        upload = nil
        outbox = []
        leftover = []
    }
}
