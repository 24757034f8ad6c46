#if canImport(Tracking)
    import Tracking
#endif

/// Random numbers for choosing peers: fast, and of no use for secrets (xoroshiro128+).
struct SampleRandom {
    private var a: UInt64
    private var b: UInt64

    init(seed: UInt64) {
        a = seed
        b = seed ^ 0x9e37_79b9_7f4a_7c15
        for _ in 0..<8 { _ = next() }
    }

    @inline(__always)
    mutating func next() -> UInt64 {
        let sum = a &+ b
        let mixed = a ^ b
        a = (a &<< 24 | a &>> 40) ^ mixed ^ (mixed &<< 16)
        b = mixed &<< 37 | mixed &>> 27
        return sum
    }

    /// From 0 up to `bound`, which it leaves out; 0 for a bound under 2. The bias is below 2^-32.
    @inline(__always)
    mutating func below(_ bound: Int) -> Int {
        guard bound > 1 else { return 0 }
        return Int(((next() >> 32) &* UInt64(truncatingIfNeeded: bound)) >> 32)
    }
}

/// Where selected peers of one family go.
struct SelectionTarget {
    let endpoints: UnsafeMutableRawPointer
    let names: UnsafeMutableRawPointer?
    let limit: Int
    var count = 0
}

extension PeerTable {
    /// Selects peers for one that announces.
    ///
    /// Reachable peers come first. Unreachable ones follow only for a peer that is itself reachable: they can connect
    /// to it, and to nobody like themselves. Peers that want nothing (seeds, partial seeds) get no seeds.
    /// - Parameter own: the row of the one that asks, which it is not handed; -1 for none.
    func select(
        wantsSeeds: Bool, isReachable: Bool, own: Int, random: inout SampleRandom, into target: inout SelectionTarget
    ) {
        take(0..<end(wantsSeeds ? Group.reachableSeed : Group.reachableLeecher), own, &random, &target)
        guard isReachable else { return }
        let first = start(Group.unreachableLeecher)
        take(first..<end(wantsSeeds ? Group.unreachableSeed : Group.unreachableLeecher), own, &random, &target)
    }

    /// All rows of a range when they fit, else a random choice in time proportional to the choice.
    ///
    /// The choice is stratified: the range, begun at a random row, is cut into as many stretches as there are runs of
    /// four wanted, and each stretch gives one run at a random place. Every row is as likely as every other, none comes
    /// twice, and four rows cost one cache miss.
    private func take(
        _ range: Range<Int>, _ own: Int, _ random: inout SampleRandom, _ target: inout SelectionTarget
    ) {
        let skips = range.contains(own)
        let number = range.count - (skips ? 1 : 0)
        let wanted = target.limit - target.count
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
        let place = place(base &+ position &+ (position >= skipAt ? 1 : 0))
        E.copy(from: place.endpoint, to: target.endpoints + E.size &* target.count)
        if let names = target.names {
            (names + PeerName.byteCount &* target.count).copyMemory(from: place.name, byteCount: PeerName.byteCount)
        }
        target.count &+= 1
    }
}
