/// Announcements of pieces that wait for a peer at the other end of a site's line, so that many go in one packet:
/// alone, each takes more there than all else that is said about its piece.
public struct HeldAnnouncements: Sendable {
    /// Seconds that the first of a peer waits at most.
    static let patience = 0.5

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

    /// What waits for a peer, to be said before anything else, or because it is gone.
    public mutating func take(_ key: PeerKey) -> [UInt32] { waiting.removeValue(forKey: key)?.pieces ?? [] }

    /// Whose announcements have waited long enough.
    public func due(_ now: Double) -> [PeerKey] {
        waiting.filter { now - $0.value.since >= Self.patience }.keys.sorted(by: PeerKey.isBefore)
    }
}
