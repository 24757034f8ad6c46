/// Limits on what a registry's origins, or a fleet's sender, send of one torrent, see ``EgressBudget``.
public struct EgressLimits: Sendable, Equatable {
    /// Copies of the content that all origins together send to agents while agents could give it; at least 1.
    public var copies = 2.0
    /// Seconds without a piece from another host after which an agent gets pieces that were sent ``copies`` times.
    public var patience = 10.0
    /// The same for pieces that were sent less often.
    public var shortPatience = 3.0
    /// The same for pieces that none of the connected agents has, although agents that left had everything.
    public var leastPatience = 1.0
    /// Seconds without a new piece of another origin's share after which this origin sends pieces of that share.
    public var silence = 5.0
    /// From this many agents on, second copies are sent only after a wait: the agents are fast enough by themselves.
    public var fewAgents = 3.0
    /// Second copies that are sent after ``shortPatience``: at most this share of the content at a time, and this share
    /// of it in each second.
    public var mostHelp = 0.3
    public var helpPerSecond = 0.05

    /// Whether copies are to be saved, but not limited: second copies are sent while agents get less from each other than half
    /// of what this host could send, see ``MutualSupply``.
    public var isPreference = false

    public init(copies: Double = 2) { self.copies = max(1, copies) }

    /// For a host that may send as much as it can, and leaves to the agents what they do well enough.
    public static var preference: EgressLimits {
        var limits = EgressLimits()
        limits.isPreference = true
        return limits
    }
}

/// Which pieces of a torrent an origin gives first: of `count` origins that have the content, the one at `index` gives
/// the pieces whose number modulo `count` is `index`.
public struct OwnerShare: Sendable, Hashable {
    public let index: Int
    public let count: Int

    /// - Parameters:
    ///   - count: number of origins that are up and have the content; at least 1.
    ///   - index: position of this origin among them, 0 to `count` - 1.
    public init(index: Int = 0, of count: Int = 1) {
        self.count = max(1, count)
        self.index = min(max(0, index), self.count - 1)
    }

    /// The position of the origin that gives a piece first.
    func owner(of piece: Int) -> Int { piece % count }

    /// Whether we give a piece first.
    /// - Parameter silent: positions of origins that give nothing.
    func isOurs(_ piece: Int, silent: Set<Int>) -> Bool {
        count == 1 || owner(of: piece) == index || silent.contains(owner(of: piece))
    }
}
