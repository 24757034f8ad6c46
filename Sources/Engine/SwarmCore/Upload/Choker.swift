/// How many peers are served at a time, and for how long.
public struct ChokerLimits: Sendable {
    public var leastSlots = 4
    /// While nobody knows what the uplink carries, or it is as wide as those of others.
    public var firstSlots = 16
    /// Of an uplink this many times as wide as those of others. Two measures of one width differ by some tenths.
    public var widthOfFirstSlots = 0.75
    public var mostSlots = 128
    /// A slot's share of the uplink moves a piece in at most so many seconds.
    public var secondsPerPiece = 2.0
    /// Seconds between two looks.
    public var period = 5.0
    /// Of the slots, one in so many goes to who waits longest.
    public var optimisticShare = 4

    public init() {}
}

/// Whom to serve. On a fleet every peer is a friend, so all who want something are served until the slots are spent;
/// then those who give most to us (or, of a seed, those who were served longest ago) and a share who wait longest.
///
/// Slots follow the uplink: a line narrower than others holds up those whom it serves, so it serves fewer. Where nobody
/// says how wide theirs are, each slot should carry a piece in a few seconds, since what is spread over too many is
/// handed on late by all of them.
struct Choker: Sendable {
    struct Candidate: Sendable {
        let key: PeerKey
        let isUnchoked: Bool
        /// Bytes per second the peer gives us.
        let givesRate: Double
        /// Bytes per second that it takes from us.
        var takesRate = 0.0
        /// When it was last unchoked, or became interested if never; seconds.
        let since: Double
    }

    var limits = ChokerLimits()

    /// What others can send, as they say.
    enum Others: Equatable, Sendable {
        /// None of them would say.
        case silent
        /// They will, when they know it.
        case unknown
        /// Bytes per second, of the middle one.
        case uplink(Double)
    }

    /// - Parameter uplink: bytes per second that our line is known to send; nil while it is not known.
    func slots(uplink: Double?, others: Others = .silent, pieceLength: Int) -> Int {
        guard let uplink else { return limits.firstSlots }
        let byTime = uplink * limits.secondsPerPiece / Double(pieceLength)
        let byWidth: Double
        switch others {
        case .silent: byWidth = 0
        case .unknown: byWidth = Double(limits.firstSlots)
        case .uplink(let other):
            byWidth = Double(limits.firstSlots) * uplink / (limits.widthOfFirstSlots * max(1, other))
        }
        return max(limits.leastSlots, Int(min(Double(limits.mostSlots), max(byTime, byWidth))))
    }

    /// - Parameter rotates: those who wait longest get turns; else one of them only, in the place of who takes least,
    ///   so that nobody can hold a slot without using it.
    /// - Returns: those to be unchoked; all others of `candidates` are to be choked.
    func choose(_ candidates: [Candidate], slots: Int, isSeed: Bool, rotates: Bool = true) -> Set<PeerKey> {
        guard candidates.count > slots else { return Set(candidates.map(\.key)) }
        let waiting = candidates.filter { !$0.isUnchoked }.sorted { $0.since < $1.since }
        let turns =
            rotates ? max(1, slots / limits.optimisticShare) : max(1, slots - (candidates.count - waiting.count))
        let rotated = waiting.prefix(turns).map(\.key)
        let taken = Set(rotated)
        let ranked = candidates.filter { !taken.contains($0.key) }.sorted { first, second in
            if !isSeed && first.givesRate != second.givesRate { return first.givesRate > second.givesRate }
            if !rotates && first.isUnchoked && second.isUnchoked && first.takesRate != second.takesRate {
                return first.takesRate > second.takesRate
            }
            // A seed keeps those it has just begun with until they have had their turn.
            return first.isUnchoked != second.isUnchoked ? first.isUnchoked : first.since > second.since
        }
        return taken.union(ranked.prefix(slots - rotated.count).map(\.key))
    }
}
