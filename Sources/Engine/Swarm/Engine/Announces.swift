/// The announces of a torrent to its trackers: an announcer for each of its info hashes, while the torrent takes part in
/// the swarm.
struct Announces {
    /// Trackers by tier (BEP 12).
    var tiers: [[String]] = []
    private(set) var announcers: [SwarmAnnouncer] = []
    /// How often announcing has begun: responses to earlier announcers must not be used for later ones.
    private var round = 0
    /// Final announces, which a stop waits for.
    private var leaving: [Task<Void, Never>] = []

    var isEmpty: Bool { announcers.isEmpty }

    /// Announcing begins, or begins again.
    /// - Returns: the number of this round.
    mutating func begin() -> Int {
        leaving = []
        round += 1
        return round
    }

    mutating func add(_ announcer: SwarmAnnouncer) { announcers.append(announcer) }

    /// nil if announcing has ended or begun again since that round.
    func announcer(_ index: Int, ofRound number: Int) -> SwarmAnnouncer? {
        round == number && announcers.indices.contains(index) ? announcers[index] : nil
    }

    /// The torrent leaves the swarm for now. The caller has stopped the announcers.
    mutating func end() {
        leaving += announcers.flatMap { Array($0.underWay.values) }
        announcers = []
    }

    /// Announces that have not ended.
    var underWay: [Task<Void, Never>] { leaving + announcers.flatMap { Array($0.underWay.values) } }
}
