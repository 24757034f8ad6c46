import Address
import Admission
import PeerWire
import Reactor

/// A connection on its way from one loop to another: its peer named a torrent that does not live on the loop that listens. At
/// the other end it is made a ``PeerConnection`` again; if nobody does that, as where that loop has ended, it is closed.
///
/// Safe as `@unchecked Sendable`: only one thread at a time has it. The loop that gives the connection up makes it and keeps
/// nothing of it, the loop that takes it in opens it, and then the stream is that loop's.
final class ConnectionInTransit: @unchecked Sendable {
    let stream: ByteStream
    let address: PeerAddress
    /// The peer's handshake, as far as it was read.
    let exchange: HandshakeExchange
    let eviction: Eviction?
    /// When the handshakes have to be done, by the clock of all loops.
    let deadline: Double
    private var ticket: Admission.Ticket?
    private var isTaken = false

    init(
        stream: ByteStream, address: PeerAddress, exchange: HandshakeExchange, eviction: Eviction?, deadline: Double,
        ticket: Admission.Ticket?
    ) {
        self.stream = stream
        self.address = address
        self.exchange = exchange
        self.eviction = eviction
        self.deadline = deadline
        self.ticket = ticket
    }

    /// Whoever calls this closes the stream and gives the place in the budget back.
    func take() -> Admission.Ticket? {
        isTaken = true
        defer { ticket = nil }
        return ticket
    }

    deinit {
        guard !isTaken else { return }
        stream.close()
        ticket?.release()
    }
}
