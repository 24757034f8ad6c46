import PeerWire
import SwarmCore

/// Calls of a torrent to its connections after their handshakes. Before and afterwards they do nothing.
extension PeerConnection {
    var open: Open? { if case .open(let open) = phase { open } else { nil } }
    var isOpen: Bool { if case .open = phase { true } else { false } }

    /// The connection's torrent, if known.
    var owner: (any ConnectionOwner)? {
        switch phase {
        case .connecting(let handshaking), .handshaking(let handshaking): handshaking.owner
        case .open(let open): open.owner
        case .closed: nil
        }
    }

    /// The peer's handshake.
    var handshake: Handshake? { open?.handshake }
    var capabilities: PeerCapabilities {
        get { open?.capabilities ?? PeerCapabilities() }
        set { open?.capabilities = newValue }
    }
    var path: PathCare {
        get { open?.path ?? PathCare() }
        set { open?.path = newValue }
    }
    /// The block whose payload is being received.
    var incoming: IncomingBlock? { open?.incoming }
    var lastReceived: Double { open?.lastReceived ?? -.infinity }

    func send(_ message: Message) { open?.send(message, on: self) }
    func flush() { open?.flush(on: self) }
    func ask(_ ask: PendingAnswers.Ask) { open?.ask(ask, on: self) }
    func divert(_ span: BlockSpan) { open?.divert(span) }
    func noteIncoming() -> Bool { open?.noteIncoming() ?? false }
    func progressed() { open?.progressed(on: self) }
    func checkIdle() { open?.checkIdle(on: self) }
    func limitsChanged() { open?.limitsChanged(on: self) }
}
