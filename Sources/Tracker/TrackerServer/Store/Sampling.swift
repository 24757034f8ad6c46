import Text
import Tracking

/// Where selected peers of one family go.
struct SelectionTarget {
    let endpoints: UnsafeMutableRawPointer
    let names: UnsafeMutableRawPointer?
    let limit: Int
    var count = 0
    /// Number of places reserved for later groups.
    var reserved = 0
}

extension PeerTable {
    /// Selects peers for an announce.
    ///
    /// Reachable peers come first. Unreachable ones are added only for a reachable peer: they can connect to it, but
    /// not to other unreachable peers. Peers that want to download nothing (seeds, partial seeds) get no seeds. If
    /// there are more peers than places, the crowd (all but one peer of each source) gets an eighth of them, or what
    /// the others leave.
    /// - Parameter own: the row of the announcing peer, which is excluded; -1 for none.
    func select(
        wantsSeeds: Bool, isReachable: Bool, own: Int, random: inout SeededGenerator, into target: inout SelectionTarget
    ) {
        let one = eligible(of: 0, wantsSeeds)
        let two = isReachable ? eligible(of: Group.unreachableLeecher, wantsSeeds) : 0..<0
        guard hasCrowd else {
            sample(one, own, &random, &target)
            if isReachable { sample(two, own, &random, &target) }
            return
        }
        let three = eligible(of: Group.crowd, wantsSeeds)
        let four = isReachable ? eligible(of: Group.crowd + Group.unreachableLeecher, wantsSeeds) : 0..<0
        let firsts = others(one, own) + others(two, own)
        let crowd = others(three, own) + others(four, own)
        let places = target.limit - target.count
        target.reserved = max(
            0, min(crowd, max(places - firsts, min(places / 8, places * crowd / max(1, firsts + crowd)))))
        sample(one, own, &random, &target)
        sample(two, own, &random, &target)
        target.reserved = 0
        sample(three, own, &random, &target)
        sample(four, own, &random, &target)
    }

    /// The leechers of a group of leechers and, if wanted, the seeds after them.
    @inline(__always)
    private func eligible(of leechers: Int, _ wantsSeeds: Bool) -> Range<Int> {
        start(leechers)..<end(wantsSeeds ? leechers + 1 : leechers)
    }

    private func others(_ range: Range<Int>, _ own: Int) -> Int { range.count - (range.contains(own) ? 1 : 0) }

    /// Takes all rows of a range if they fit, else a random sample in time proportional to its size.
    ///
    /// The sample is stratified: the range, starting at a random row, is divided into as many strata as runs of four
    /// rows are needed, and one run is taken from a random position in each. Every row is equally likely, no row is
    /// taken twice, and four rows cost one cache miss.
    private func sample(
        _ range: Range<Int>, _ own: Int, _ random: inout SeededGenerator, _ target: inout SelectionTarget
    ) {
        let skips = range.contains(own)
        let number = range.count - (skips ? 1 : 0)
        let wanted = target.limit - target.count - target.reserved
        guard number > 0, wanted > 0 else { return }
        let skipAt = skips ? own - range.lowerBound : Int.max
        if number <= wanted {
            for position in 0..<number { emit(range.lowerBound, position, skipAt, &target) }
            return
        }
        let rotation = random.below(number)
        let runs = number < 2 * wanted ? 1 : (wanted + 3) / 4
        for run in 0..<runs {
            let first = run * number / runs
            let width = (run + 1) * number / runs - first
            let length = (run + 1) * wanted / runs - run * wanted / runs
            var position = first + random.below(width - length + 1) + rotation
            if position >= number { position -= number }
            for _ in 0..<length {
                emit(range.lowerBound, position, skipAt, &target)
                position += 1
                if position == number { position = 0 }
            }
        }
    }

    @inline(__always)
    private func emit(_ base: Int, _ position: Int, _ skipAt: Int, _ target: inout SelectionTarget) {
        let place = blocks.place(base &+ position &+ (position >= skipAt ? 1 : 0))
        E.copy(from: place.endpoint, to: target.endpoints + E.size &* target.count)
        if let names = target.names {
            (names + PeerName.byteCount &* target.count).copyMemory(from: place.name, byteCount: PeerName.byteCount)
        }
        target.count &+= 1
    }
}
