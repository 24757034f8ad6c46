/// Delays `have` messages to peers outside the site, so that several share a packet on the site's uplink. Sent alone,
/// each takes more of the uplink than all other messages about its piece.
public struct HeldAnnouncements: Sendable {
    /// Maximum delay of a peer's first waiting announcement, in seconds.
    package static let patience = 0.5

    private struct Waiting: Sendable {
        var pieces: [UInt32] = []
        let since: Double
    }

    private var waiting: [PeerKey: Waiting] = [:]

    public init() {}

    public var isEmpty: Bool { waiting.isEmpty }

    public mutating func hold(_ piece: UInt32, for key: PeerKey, now: Double) {
        waiting[key, default: Waiting(since: now)].pieces.append(piece)
    }

    /// Removes and returns a peer's waiting pieces, to send before another message, or because the peer is gone.
    public mutating func takePieces(for key: PeerKey) -> [UInt32] { waiting.removeValue(forKey: key)?.pieces ?? [] }

    /// Peers whose announcements have waited long enough.
    public func due(_ now: Double) -> [PeerKey] {
        waiting.filter { now - $0.value.since >= Self.patience }.keys.sorted(by: PeerKey.isBefore)
    }
}
