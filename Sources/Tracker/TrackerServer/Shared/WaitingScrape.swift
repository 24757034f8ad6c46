import Tracking

/// What waits for the answer to one question to the shared store.
enum WaitingReply {
    case announce(WaitingAnnounce)
    /// One swarm of a scrape.
    case swarm(WaitingScrape)
}

/// A scrape whose reply waits for what the trackers share of each of its swarms.
final class WaitingScrape {
    let keys: [SwarmKey]
    let asker: WaitingAnnounce.Asker
    /// Of the first swarms, in their order; nil for one that the store did not answer.
    private(set) var answers: [(seeds: Int, leechers: Int)?] = []

    init(_ keys: [SwarmKey], asker: WaitingAnnounce.Asker) {
        self.keys = keys
        self.asker = asker
    }

    /// - Returns: whether all are there.
    func add(_ answer: SharedAnswer?) -> Bool {
        answers.append(answer.map { ($0.seeds, $0.leechers) })
        return answers.count == keys.count
    }

    /// What this tracker heard of a swarm, with what the store said.
    /// - Parameter own: nil for a swarm that this tracker never heard of.
    /// - Returns: nil for one that is not served here and that nobody heard of.
    func counts(_ index: Int, _ own: SwarmCounts?) -> SwarmCounts? {
        guard let answer = answers[index], answer.seeds + answer.leechers > 0 else { return own }
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        return (own ?? SwarmCounts()).joined(
            with: SharedAnswer(seeds: answer.seeds, leechers: answer.leechers, ipv4: nothing, ipv6: nothing))
    }
}
