/// Limits on how many peers are unchoked, and for how long.
public struct ChokerLimits: Sendable {
    public var leastSlots = 4
    /// Number of slots while our uplink is unknown, or as wide as those of other peers.
    public var firstSlots = 16
    /// An uplink this many times as wide as those of others gets `firstSlots`. Less than 1, because two measurements of
    /// the same uplink differ by some tenths.
    public var widthOfFirstSlots = 0.75
    public var mostSlots = 128
    /// Each slot's share of the uplink must move a piece within this many seconds.
    public var secondsPerPiece = 2.0
    /// Seconds between two rounds of choking.
    public var period = 5.0
    /// One slot in this many goes to the peers that have waited longest.
    public var optimisticShare = 4

    public init() {}
}

/// Decides which peers to unchoke. All interested peers are unchoked while there are slots. After that, slots go to the
/// peers that upload most to us (or, for a seed, the peers unchoked last), and a share of them to the peers that have
/// waited longest.
///
/// The number of slots depends on the uplink. A host with a narrower uplink than others delays the peers it serves, so
/// it serves fewer. If peers do not advertise their uplinks, each slot should carry a piece in a few seconds: data that
/// is spread over too many peers is passed on late by all of them.
package struct Choker: Sendable {
    package struct Candidate: Sendable {
        package let key: PeerKey
        package let isUnchoked: Bool
        /// Rate at which the peer uploads to us, in bytes per second.
        package let givesRate: Double
        /// Rate at which the peer downloads from us, in bytes per second.
        package var takesRate = 0.0
        /// Time of the peer's last unchoke, or of its interest if it was never unchoked; seconds.
        package let since: Double

        package init(key: PeerKey, isUnchoked: Bool, givesRate: Double, takesRate: Double = 0, since: Double) {
            self.key = key
            self.isUnchoked = isUnchoked
            self.givesRate = givesRate
            self.takesRate = takesRate
            self.since = since
        }
    }

    package var limits = ChokerLimits()

    package init(limits: ChokerLimits = ChokerLimits()) { self.limits = limits }

    /// The uplink that other peers advertise.
    package enum Others: Equatable, Sendable {
        /// No peer supports advertising its uplink.
        case silent
        /// Some peer supports it, but none has advertised it yet.
        case unknown
        /// The median, in bytes per second.
        case uplink(Double)
    }

    /// - Parameter uplink: our uplink in bytes per second; nil while unknown.
    package func slots(uplink: Double?, others: Others = .silent, pieceLength: Int) -> Int {
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

    /// - Parameter rotates: give a share of the slots to the peers that have waited longest. Otherwise only one slot,
    ///   that of the peer with the lowest download rate, so that no peer can hold a slot without using it.
    /// - Returns: the peers to unchoke. All other candidates must be choked.
    package func choose(_ candidates: [Candidate], slots: Int, isSeed: Bool, rotates: Bool = true) -> Set<PeerKey> {
        guard candidates.count > slots else { return Set(candidates.map(\.key)) }
        let waiting = candidates.filter { !$0.isUnchoked }.sorted { $0.since < $1.since }
        let rotating =
            rotates ? max(1, slots / limits.optimisticShare) : max(1, slots - (candidates.count - waiting.count))
        let rotated = waiting.prefix(rotating).map(\.key)
        let taken = Set(rotated)
        let ranked = candidates.filter { !taken.contains($0.key) }.sorted { first, second in
            if !isSeed && first.givesRate != second.givesRate { return first.givesRate > second.givesRate }
            if !rotates && first.isUnchoked && second.isUnchoked && first.takesRate != second.takesRate {
                return first.takesRate > second.takesRate
            }
            // A seed keeps the peers that it has unchoked most recently.
            return first.isUnchoked != second.isUnchoked ? first.isUnchoked : first.since > second.since
        }
        return taken.union(ranked.prefix(slots - rotated.count).map(\.key))
    }
}
