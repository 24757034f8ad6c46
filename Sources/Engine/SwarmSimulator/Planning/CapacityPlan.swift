import Metainfo

/// Input of capacity planning: one content, one kind of receiver, some caches. Sizes in bytes, rates in bytes per
/// second.
package struct CapacityPlan: Sendable {
    package var size: Int64
    package var receivers: Int
    package var seeds = 1
    package var caches = 0
    package var up: Double
    package var down: Double
    package var seedUp: Double
    package var cacheUp: Double
    package var cacheDown: Double
    /// Receivers that do not accept connections.
    package var firewalled = 0
    /// Uplink and downlink of the last receiver, if it is slower than the others.
    package var slow: Double?
    /// Number of sites. Receivers are spread evenly over them; seeds and caches are at the first.
    package var sites = 1
    /// Rate of each site's link to the others, both directions; nil for no limit.
    package var siteLink: Double?
    package var seedNumber: UInt64 = 1
    /// Maximum number of pieces in the simulated content. More pieces change little and cost much time.
    package var mostPieces = 512
    /// A host dials more peers while it has fewer connections than this.
    package var connections = 80

    package init(size: Int64, receivers: Int, up: Double, down: Double, seedUp: Double) {
        self.size = size
        self.receivers = receivers
        self.up = up
        self.down = down
        self.seedUp = seedUp
        cacheUp = seedUp
        cacheDown = seedUp
    }

    package struct Answer: Sendable {
        package let caches: Int
        package let ideal: IdealTime
        /// Seconds; nil if the transfer does not end within a hundred times the bound.
        package let makespan: Double?
        package let median: Double?
        /// Like ``makespan``, without the last receiver, which ``CapacityPlan/slow`` may have slowed down.
        package let others: Double?
    }

    /// Shortest duration of the simulated content, in seconds. Choking, timeouts and the like are in seconds, so a
    /// piece must take as long as a real one. Content that takes hours is simulated as content of minutes, and the
    /// result is multiplied.
    static let span = 120.0

    /// The scenario to simulate, and the factor for its times.
    package func scenario() -> (scenario: Scenario, scale: Double) {
        let scale = max(1, ideal.seconds / Self.span)
        let length = max(Double(size) / scale, 64 * 1024)
        let blocks = max(1, (length / Double(mostPieces) / 16_384).rounded(.up))
        let piece = Int(blocks) * 16_384
        // Real block lengths if that is cheap; else whole pieces.
        let isSmall = receivers + caches <= 40 && piece <= 4 << 20
        var scenario = Scenario(
            contentLength: Int64(length), pieceLength: piece, blockLength: isSmall ? max(16_384, piece / 16) : piece)
        // As many open pieces as the program has with common piece lengths.
        scenario.configuration.openBytes = max(scenario.configuration.openBytes, 24 * piece)
        scenario.network.connections = connections
        // A fifth of the time of a piece: how up to date hosts are about each other when they choose the next one.
        if receivers > 200 {
            let pieceTime = ideal.seconds / scale / max(1, length / Double(piece))
            scenario.network.announceInterval = min(0.1, max(scenario.network.announceInterval, pieceTime / 5))
        }
        return (hosts(of: scenario), Double(size) / length)
    }

    private func hosts(of scenario: Scenario) -> Scenario {
        var scenario = scenario
        scenario.seedNumber = seedNumber
        scenario.sites = Array(repeating: Scenario.Site(up: siteLink, down: siteLink), count: max(1, sites))
        scenario.hosts = Array(repeating: Scenario.Host(.seed, up: seedUp, down: seedUp), count: max(1, seeds))
        scenario.hosts += Array(repeating: Scenario.Host(.cache, up: cacheUp, down: cacheDown), count: caches)
        for index in 0..<receivers {
            var host = Scenario.Host(.receiver, up: up, down: down)
            host.site = index % scenario.sites.count
            host.acceptsConnections = index >= firewalled
            if let slow, index == receivers - 1 { (host.up, host.down) = (min(up, slow), min(down, slow)) }
            scenario.hosts.append(host)
        }
        return scenario
    }

    /// The bound for the content at its real size.
    package var ideal: IdealTime { IdealTime(hosts(of: Scenario(contentLength: size, pieceLength: 1 << 20))) }

    package func answer() throws(MetainfoError) -> Answer {
        var (scenario, scale) = scenario()
        let ideal = ideal
        scenario.timeLimit = 100 * max(1, ideal.seconds / scale)
        let result = try Simulation(scenario).run()
        let finished = result.finishedAt.suffix(receivers)
        return Answer(
            caches: caches, ideal: ideal, makespan: result.makespan.map { $0 * scale },
            median: result.median.map { $0 * scale }, others: Self.last(finished.dropLast()).map { $0 * scale })
    }

    /// The same delivery by rotating block groups. Sites, firewalls and caches do not exist for that scheme.
    package var rotation: Answer {
        var lines = Array(repeating: (up: up, down: down), count: receivers)
        if let slow { lines[receivers - 1] = (min(up, slow), min(down, slow)) }
        let times = RotationScheme(
            contentLength: Double(size), senderUp: seedUp * Double(max(1, seeds)), receivers: lines
        )
        .finishTimes
        return Answer(
            caches: 0, ideal: ideal, makespan: times.max(), median: times.sorted()[(receivers - 1) / 2],
            others: times.dropLast().max())
    }

    /// The last of these times; nil if there is none, or one did not finish.
    private static func last(_ times: some Sequence<Double?>) -> Double? {
        var last: Double?
        for time in times {
            guard let time else { return nil }
            last = max(last ?? 0, time)
        }
        return last
    }

    /// The same plan with other numbers of caches, some below and some above the requested number.
    package var alternatives: [CapacityPlan] {
        let numbers = Set([0, 1, 2, 4, 8, 16, caches]).filter { $0 <= max(2 * caches, 8) }.sorted()
        return numbers.map { number in
            var plan = self
            plan.caches = number
            return plan
        }
    }

    /// Number of caches by a rule such as "six caches for fifty receivers".
    package static func caches(for receivers: Int, rule: (caches: Int, receivers: Int) = (6, 50)) -> Int {
        (receivers * rule.caches + rule.receivers - 1) / rule.receivers
    }

    /// Number of caches that lower the bound to `seconds`; nil if no number does (the seed's uplink or a receiver's
    /// downlink is the limit). Caches download the content too, so each adds what it sends minus one copy.
    package func cachesNeeded(for seconds: Double) -> Int? {
        var plan = self
        for number in 0...max(16, 2 * receivers) {
            plan.caches = number
            if plan.ideal.seconds <= seconds * 1.0001 {
                return number
            }
        }
        return nil
    }
}
