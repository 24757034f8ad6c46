import Hashing
import PeerWire
import Reactor

/// Finds the torrents of incoming connections. All calls are made on the loop.
protocol TorrentDirectory: AnyObject {
    /// Gives the connection its torrent with ``PeerConnection/join(_:)``, or lets it wait with
    /// ``PeerConnection/awaitTorrent()``, or takes it to another loop with ``PeerConnection/depart()``, or does none of it:
    /// then there is no such torrent.
    func find(_ hash: SHA1Digest, for connection: PeerConnection)
    /// The connection was closed before a torrent was assigned.
    func ended(_ connection: PeerConnection)
}

extension PeerConnection {
    /// The state of a connection until both handshakes are complete. Nothing after the peer's handshake is read.
    final class Handshaking {
        var exchange: HandshakeExchange
        /// The torrent; nil until an incoming connection has named a known one.
        weak var owner: (any ConnectionOwner)?
        /// For incoming connections only.
        weak var directory: (any TorrentDirectory)?
        /// Of an incoming connection: closes it when its place in the budget is needed.
        let eviction: Eviction?
        /// The torrent is being looked up: nothing is read meanwhile.
        var isAwaitingTorrent = false
        /// Bytes of our handshake that the stream has not accepted.
        var unsent: [UInt8] = []
        var deadline: TimerToken?
        /// When that fires.
        var deadlineAt = Double.infinity

        init(eviction: Eviction, directory: any TorrentDirectory) {
            exchange = HandshakeExchange()
            self.eviction = eviction
            self.directory = directory
        }

        init(infoHash: SHA1Digest, owner: any ConnectionOwner) {
            exchange = HandshakeExchange(infoHash: infoHash, accepted: owner.wireHashes.all)
            eviction = nil
            self.owner = owner
        }

        /// The peer has named its torrent.
        init(resuming exchange: HandshakeExchange, eviction: Eviction?, until deadline: Double) {
            self.exchange = exchange
            self.eviction = eviction
            deadlineAt = deadline
        }
    }

    // MARK: For the torrent directory

    /// Assigns the torrent that the peer named.
    func join(_ owner: any ConnectionOwner) {
        if case .handshaking(let handshaking) = phase { handshaking.owner = owner }
    }

    /// The torrent is not known yet. ``resumeHandshake()`` follows.
    func awaitTorrent() {
        if case .handshaking(let handshaking) = phase { handshaking.isAwaitingTorrent = true }
    }

    /// The lookup has ended, with or without a torrent: continues the handshake.
    func resumeHandshake() {
        guard case .handshaking(let handshaking) = phase, handshaking.isAwaitingTorrent else { return }
        handshaking.isAwaitingTorrent = false
        answer(handshaking)
        want(interest.union(.read))
        readOn(handshaking)
        handshaking.owner?.carryOutActions()
    }

    // MARK: Reading

    func shakeHands(_ handshaking: Handshaking, _ readiness: Readiness) {
        if readiness.writable { flush(handshaking) }
        if readiness.closed, handshaking.isAwaitingTorrent { return close(.closedByPeer) }
        if readiness.readable || readiness.closed { readOn(handshaking) }
    }

    /// Reads the rest of the peer's handshake, as far as it has arrived, and then its first messages.
    private func readOn(_ handshaking: Handshaking) {
        while case .handshaking = phase, !handshaking.isAwaitingTorrent {
            let target = UnsafeMutableRawBufferPointer(rebasing: staging.bytes[..<handshaking.exchange.missing])
            switch stream.receive(into: target) {
            case .bytes(let count):
                received(UnsafeRawBufferPointer(rebasing: target[..<count]), handshaking)
                if count < target.count { return }
            case .wouldBlock: return
            case .ended: return close(.closedByPeer)
            case .failed(let code): return close(CloseReason(receiving: code))
            }
        }
        if let open { open.receive(on: self) }
    }

    private func received(_ bytes: UnsafeRawBufferPointer, _ handshaking: Handshaking) {
        do { follow(try handshaking.exchange.received(bytes), handshaking) } catch {
            close(.violation(error.description))
        }
    }

    private func follow(_ step: HandshakeExchange.Step, _ handshaking: Handshaking) {
        switch step {
        case .needMore: break
        case .wrongTorrent: close(.violation("handshake for another torrent"))
        case .lookUp(let hash):
            handshaking.directory?.find(hash, for: self)
            if isClosed { return }
            guard handshaking.isAwaitingTorrent else { return answer(handshaking) }
            want(interest.subtracting(.read))
        case .complete(let handshake): complete(handshake, handshaking)
        }
    }

    private func complete(_ handshake: Handshake, _ handshaking: Handshaking) {
        guard let owner = handshaking.owner, let infoHash = handshaking.exchange.infoHash else {
            return close(.shutdown)
        }
        let open = Open(
            owner: owner, infoHash: infoHash, handshake: handshake, unsent: handshaking.unsent, now: loop.now)
        enter(open)
        guard owner.opened(self, handshake) else { return close(.redundant) }
        ticket?.opened(now: loop.now)
        open.mayUpload = true
    }

    // MARK: Sending

    /// Sends our handshake to a peer that named its torrent first, and continues with its received bytes.
    private func answer(_ handshaking: Handshaking) {
        guard let owner = handshaking.owner else { return close(.failed("no such torrent here")) }
        let hashes = owner.wireHashes
        do {
            let step = try handshaking.exchange.found(hashes.all, second: hashes.second)
            sendHandshake(handshaking)
            if !isClosed { follow(step, handshaking) }
        } catch {
            close(.violation(error.description))
        }
    }

    func sendHandshake(_ handshaking: Handshaking) {
        guard let owner = handshaking.owner, let infoHash = handshaking.exchange.infoHash else {
            return close(.shutdown)
        }
        let id = further?.announced ?? owner.peerID
        Handshake(reserved: owner.reservedBits, infoHash: infoHash, peerID: id).encode(into: &handshaking.unsent)
        flush(handshaking)
    }

    private func flush(_ handshaking: Handshaking) {
        while !handshaking.unsent.isEmpty, !isClosed {
            switch handshaking.unsent.withUnsafeBytes({ stream.send($0, more: false) }) {
            case .bytes(let count):
                handshaking.unsent.removeFirst(count)
                handshaking.owner?.limits.sentMessages(count)
            case .wouldBlock: return want(interest.union(.write))
            case .ended: return close(.closedByPeer)
            case .failed(let code): return close(CloseReason(sending: code))
            }
        }
        want(interest.subtracting(.write))
    }
}
