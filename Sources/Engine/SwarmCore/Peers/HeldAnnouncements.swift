/// `have` messages that wait a little, so that several to a peer share a packet.
///
/// Sent alone, each takes more of an uplink than all other messages about its piece, and among many peers more processor time than
/// the piece itself: a host with fifty peers would send fifty packets for each piece, and receive as many.
public struct HeldAnnouncements: Sendable {
    private struct Waiting: Sendable {
        var pieces: [UInt32] = []
        var due: Double
    }

    private var waiting: [PeerKey: Waiting] = [:]

    public init() {}

    public var isEmpty: Bool { waiting.isEmpty }

    /// - Parameter due: time at which the peer is to hear of the piece at the latest, and of those that wait already.
    public mutating func hold(_ piece: UInt32, for key: PeerKey, due: Double) {
        waiting[key, default: Waiting(due: due)].pieces.append(piece)
        if let before = waiting[key]?.due, due < before { waiting[key]?.due = due }
    }

    /// Removes and returns a peer's waiting pieces, to send before another message, or because the peer is gone.
    public mutating func takePieces(for key: PeerKey) -> [UInt32] { waiting.removeValue(forKey: key)?.pieces ?? [] }

    /// Peers whose announcements have waited long enough.
    public func due(_ now: Double) -> [PeerKey] {
        waiting.filter { now >= $0.value.due }.keys.sorted(by: PeerKey.isBefore)
    }
}
