import Address
import Admission
import Glibc
import Hashing
import Reactor

/// Why an outgoing connection was not started.
enum DialFailure: Error {
    /// This host has no free descriptor: try again soon. Not the peer's fault.
    case noRoom
    /// There is no route to this address.
    case unreachable
}

extension EngineContext {
    /// Begins a connection to a peer. It has a place in the budget of the process, but is never closed for a stranger's.
    func dial(_ address: PeerAddress, infoHash: SHA1Digest, owner: any ConnectionOwner) throws(DialFailure)
        -> PeerConnection
    {
        guard let ticket = admission.admit(address.source, at: .peers, isOurs: true, now: loop.now, close: {}) else {
            throw .noRoom
        }
        let stream: ByteStream
        do { stream = try network.connect(to: address, from: listenAddress) } catch {
            ticket.release()
            guard error.isOutOfDescriptors else { throw .unreachable }
            _ = admission.shed(at: .peers, now: loop.now)
            throw .noRoom
        }
        return PeerConnection(
            dialled: stream, to: address, infoHash: infoHash, owner: owner, loop: loop, staging: staging,
            tunables: tunables, ticket: ticket)
    }
}

extension SocketError {
    /// Whether the process or the system has no free descriptor.
    var isOutOfDescriptors: Bool { code == EMFILE || code == ENFILE }
}
