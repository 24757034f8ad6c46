/// Whom to serve. On a fleet every peer is a friend, so all who want something are served until the slots are spent; then
/// those who give most to us (or, of a seed, those who were served longest ago) and a share who wait longest.
///
/// Slots follow the uplink: each should carry a piece in a few seconds, since what is spread over too many is handed on
/// late by all of them.
struct Choker: Sendable {
    struct Limits: Sendable {
        var leastSlots = 4
        /// While nobody knows what the uplink carries.
        var firstSlots = 16
        var mostSlots = 128
        /// A slot's share of the uplink moves a piece in at most so many seconds.
        var secondsPerPiece = 2.0
        /// Seconds between two looks.
        var period = 5.0
        /// Of the slots, one in so many goes to who waits longest.
        var optimisticShare = 4
    }

    struct Candidate: Sendable {
        let key: PeerKey
        let isUnchoked: Bool
        /// Bytes per second the peer gives us.
        let givesRate: Double
        /// When it was last unchoked, or became interested if never; seconds.
        let since: Double
    }

    var limits = Limits()

    /// - Parameter uplink: bytes per second that our line is known to send; nil while it is not known.
    func slots(uplink: Double?, pieceLength: Int) -> Int {
        guard let uploadRate = uplink else { return limits.firstSlots }
        let perSlot = Double(pieceLength) / limits.secondsPerPiece
        return max(limits.leastSlots, min(limits.mostSlots, Int(uploadRate / perSlot)))
    }

    /// - Returns: those to be unchoked; all others of `candidates` are to be choked.
    func choose(_ candidates: [Candidate], slots: Int, isSeed: Bool) -> Set<PeerKey> {
        guard candidates.count > slots else { return Set(candidates.map(\.key)) }
        let waiting = candidates.filter { !$0.isUnchoked }.sorted { $0.since < $1.since }
        let rotated = waiting.prefix(max(1, slots / limits.optimisticShare)).map(\.key)
        let taken = Set(rotated)
        let ranked = candidates.filter { !taken.contains($0.key) }.sorted { first, second in
            if !isSeed && first.givesRate != second.givesRate { return first.givesRate > second.givesRate }
            // A seed keeps those it has just begun with until they have had their turn.
            return first.isUnchoked != second.isUnchoked ? first.isUnchoked : first.since > second.since
        }
        return taken.union(ranked.prefix(slots - rotated.count).map(\.key))
    }
}
