import PeerWire
import SwarmCore

/// What a torrent asks of its connections once their handshakes are done; before and afterwards there is nothing to ask for,
/// and nothing happens.
extension PeerConnection {
    var open: Open? { if case .open(let open) = phase { open } else { nil } }
    var isOpen: Bool { if case .open = phase { true } else { false } }

    /// The torrent that it belongs to, as far as that is known.
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
