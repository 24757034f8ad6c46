import ArgumentParser
import SwarmSimulator

/// `swoop simulate`: predicts how long a delivery will take. Its subcommand simulates the agents of a fleet.
struct SimulateCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Say how long a delivery to many hosts will take, or be a fleet of agents that try a control.",
        usage: """
            swoop simulate --size <size> --hosts <n> --up <rate> [<options>]
            swoop simulate fleet --agents <n> --control <url> --token <token> [<options>]
            """,
        discussion: """
            Runs the decisions that `swoop get` and `swoop seed` run, for every host, on a virtual clock: nothing is sent. \
            The bound is the time that no program can beat on these lines. Large content is simulated smaller and the time \
            multiplied, which errs to the slow side. The same numbers give the same answer.

            With 'fleet' it is many agents that try a control.

            Example, 200 GB to 500 cinemas behind firewalls, with 6 caches in a cloud:
              swoop simulate --size 200GB --hosts 500 --firewalled 500 --seed-up 125MB/s \\
                --up 2.5MB/s --down 12.5MB/s --caches 6 --cache-up 125MB/s
            """,
        subcommands: [SimulateFleetCommand.self])

    // The next three are mandatory, but cannot be declared so: with a subcommand, the parser also parses this parent.

    @Option(help: ArgumentHelp("Length of the content. Needed.", valueName: "size"), transform: ByteSize.parse)
    var size: ByteSize?

    @Option(help: ArgumentHelp("Hosts that receive it. Needed.", valueName: "n"))
    var hosts: Int?

    @Option(help: ArgumentHelp("Uplink of each host. Needed.", valueName: "rate"), transform: Rate.parse)
    var up: Rate?

    @Option(help: ArgumentHelp("Downlink of each host. Default: as --up.", valueName: "rate"), transform: Rate.parse)
    var down: Rate?

    @Option(help: ArgumentHelp("Uplink of each seed. Default: as --up.", valueName: "rate"), transform: Rate.parse)
    var seedUp: Rate?

    @Option(help: ArgumentHelp("Hosts that have the content from the beginning.", valueName: "n"))
    var seeds = 1

    @Option(help: ArgumentHelp("Edge caches, which fetch the content to serve it.", valueName: "n"))
    var caches = 0

    @Option(
        help: ArgumentHelp("Uplink of each cache. Default: as --seed-up.", valueName: "rate"), transform: Rate.parse)
    var cacheUp: Rate?

    @Option(
        help: ArgumentHelp("Downlink of each cache. Default: as --cache-up.", valueName: "rate"), transform: Rate.parse)
    var cacheDown: Rate?

    @Option(help: ArgumentHelp("Of the hosts, those that take no incoming connections.", valueName: "n"))
    var firewalled = 0

    @Option(
        help: ArgumentHelp(
            "Uplink and downlink of one of the hosts, if it is slower than the others.", valueName: "rate"),
        transform: Rate.parse)
    var slow: Rate?

    @Option(
        help: ArgumentHelp(
            "Compare with 'rotation': groups of blocks that hosts hand round in lockstep, with all hosts alike and with a slow one.",
            valueName: "scheme"))
    var scheme = SimulatedScheme.swarm

    @OptionGroup var places: SimulatedSites

    @Option(
        help: ArgumentHelp("Line of each place to the others. Default: no bound.", valueName: "rate"),
        transform: Rate.parse)
    var siteLine: Rate?

    @Option(help: ArgumentHelp("Pieces in which the content is simulated, at most.", valueName: "n"))
    var pieces = 512

    @Option(help: ArgumentHelp("A host dials peers until it has this many connections.", valueName: "n"))
    var connections = 80

    @Flag(help: "Compare with other numbers of caches.")
    var compare = false

    @Option(help: ArgumentHelp("Seed of the random numbers.", valueName: "n"))
    var seedNumber: UInt64 = 1

    @OptionGroup var global: GlobalOptions

    /// Bytes per second. Lower rates would take months of virtual time; higher ones less than the clock can resolve.
    private static let rates = 10_000...1_000_000_000_000

    func validate() throws {
        guard let size, let hosts, let up else { return }
        let bounds = [
            ("--hosts", hosts, 1...20_000), ("--seeds", seeds, 1...1000), ("--caches", caches, 0...5000),
            ("--firewalled", firewalled, 0...hosts.clamped(to: 0...20_000)), ("--sites", places.sites ?? 1, 1...1000),
            ("--pieces", pieces, 16...10_000), ("--connections", connections, 4...200),
        ]
        for (name, value, range) in bounds where !range.contains(value) {
            throw ValidationError(
                "The value is invalid for '\(name) <n>': \(range.lowerBound) to \(range.upperBound) are possible")
        }
        let rates: [(name: String, rate: Rate?)] = [
            ("--up", up), ("--down", down), ("--seed-up", seedUp), ("--cache-up", cacheUp), ("--cache-down", cacheDown),
            ("--site-line", siteLine), ("--slow", slow),
        ]
        for case (let name, let rate?) in rates where !Self.rates.contains(rate.bytesPerSecond) {
            throw ValidationError("The value is invalid for '\(name) <rate>': 10 KB/s to 1 TB/s can be simulated")
        }
        if scheme == .rotation {
            guard caches == 0, firewalled == 0, places.sites ?? 1 == 1, !compare else {
                throw ValidationError(
                    "'--scheme rotation' knows no caches, firewalls and sites: leave these options out")
            }
            guard hosts >= 2 else { throw ValidationError("'--scheme rotation' needs two hosts at least") }
        }
        guard size.bytes > 0 else { throw ValidationError("The value is invalid for '--size <size>': 1 byte at least") }
    }

    private func plan() throws -> CapacityPlan {
        guard let size else { throw ValidationError("Missing expected argument '--size <size>'") }
        guard let hosts else { throw ValidationError("Missing expected argument '--hosts <n>'") }
        guard let up else { throw ValidationError("Missing expected argument '--up <rate>'") }
        let uplink = Double(up.bytesPerSecond)
        let seedUp = seedUp.map { Double($0.bytesPerSecond) } ?? uplink
        var plan = CapacityPlan(
            size: Int64(size.bytes), receivers: hosts, up: uplink,
            down: down.map { Double($0.bytesPerSecond) } ?? uplink,
            seedUp: seedUp)
        plan.seeds = seeds
        plan.caches = caches
        plan.cacheUp = cacheUp.map { Double($0.bytesPerSecond) } ?? seedUp
        plan.cacheDown = cacheDown.map { Double($0.bytesPerSecond) } ?? plan.cacheUp
        plan.firewalled = firewalled
        plan.slow = slow.map { Double($0.bytesPerSecond) }
        plan.sites = places.sites ?? 1
        plan.siteLink = siteLine.map { Double($0.bytesPerSecond) }
        plan.seedNumber = seedNumber
        plan.mostPieces = pieces
        plan.connections = connections
        return plan
    }

    func run(_ reporter: Reporter) async throws {
        let plan = try plan()
        guard scheme == .swarm else { return try compareSchemes(plan, reporter) }
        var rows: [[String]] = []
        for candidate in compare ? plan.alternatives : [plan] {
            let answer = try Self.answer(candidate)
            reporter.event(Self.event(answer))
            rows.append(Self.row(answer))
            if !compare { reporter.result(text(answer, plan)) }
        }
        guard compare else { return }
        let headings = ["caches", "last host", "median", "bound", "ratio", "what binds"]
        reporter.result(TextTable(headings: headings, rows: rows, rightAligned: [0, 1, 2, 3, 4]).text)
        if let text = needed(plan) { reporter.result(text) }
    }

    private static func answer(_ plan: CapacityPlan) throws -> CapacityPlan.Answer {
        do { return try plan.answer() } catch { throw Failure(.usage, "this content cannot be simulated: \(error)") }
    }

    /// A row for each scheme with hosts that are alike, and with one that is slow.
    private func compareSchemes(_ plan: CapacityPlan, _ reporter: Reporter) throws {
        var (alike, slowed) = (plan, plan)
        alike.slow = nil
        slowed.slow = plan.slow ?? min(plan.up, plan.down) / 10
        var rows: [[String]] = []
        for (hosts, plan) in [("all alike", alike), ("one slow", slowed)] {
            for scheme in SimulatedScheme.allCases {
                let answer = try scheme == .swarm ? Self.answer(plan) : plan.rotation
                let more: [(String, JSONValue)] = [
                    ("scheme", .string(scheme.rawValue)), ("slow", plan.slow.map(JSONValue.double) ?? .null),
                    ("others", answer.others.map(JSONValue.double) ?? .null),
                ]
                reporter.event(Self.event(answer, more))
                rows.append(
                    [hosts, scheme.rawValue, Self.time(answer.others)] + Self.row(answer)[1...3] + [Self.ratio(answer)])
            }
        }
        let headings = ["hosts", "scheme", "others", "last host", "median", "bound", "ratio"]
        reporter.result(TextTable(headings: headings, rows: rows, rightAligned: [2, 3, 4, 5, 6]).text)
        reporter.result(
            "the slow host has \(HumanText.rate(Int(slowed.slow ?? 0))); 'others' is the last host but that one")
    }

    private static func event(_ answer: CapacityPlan.Answer, _ more: [(String, JSONValue)] = []) -> JSONValue {
        .object(
            [
                ("event", .string("simulated")), ("caches", .int(answer.caches)),
                ("makespan", answer.makespan.map(JSONValue.double) ?? .null),
                ("median", answer.median.map(JSONValue.double) ?? .null), ("bound", .double(answer.ideal.seconds)),
                ("ratio", answer.makespan.map { .double($0 / answer.ideal.seconds) } ?? .null),
                ("limit", .string(answer.ideal.limit.rawValue)),
            ] + more)
    }

    private static func row(_ answer: CapacityPlan.Answer) -> [String] {
        [
            "\(answer.caches)", time(answer.makespan), time(answer.median), time(answer.ideal.seconds), ratio(answer),
            answer.ideal.limit.rawValue,
        ]
    }

    private func text(_ answer: CapacityPlan.Answer, _ plan: CapacityPlan) -> String {
        let hosts = HumanText.plural(plan.receivers, "host")
        let (last, half, bound) = (
            Self.time(answer.makespan), Self.time(answer.median), Self.time(answer.ideal.seconds)
        )
        let lines: [String] = [
            "the last of \(hosts) is done after \(last), half of them after \(half)",
            "the bound is \(bound), set by \(answer.ideal.limit.rawValue): ratio \(Self.ratio(answer))",
            needed(plan) ?? help(answer.ideal.limit),
        ]
        return lines.joined(separator: "\n")
    }

    /// The number of caches that would halve the bound; nil if caches would not help.
    private func needed(_ plan: CapacityPlan) -> String? {
        let ideal = plan.ideal
        guard ideal.limit == .allUplinks || ideal.limit == .reachableUplinks,
            let half = plan.cachesNeeded(for: ideal.seconds / 2)
        else { return nil }
        return "to halve the bound: \(HumanText.plural(half, "cache")) of \(HumanText.rate(Int(plan.cacheUp)))"
    }

    private func help(_ limit: IdealTime.Limit) -> String {
        switch limit {
        case .seedUplink: "what would help: a faster line for the seed, or a second seed; caches would not"
        case .downlink: "what would help: faster downlinks; caches would not"
        case .siteLink: "what would help: a faster line between the places; caches elsewhere would not"
        case .allUplinks, .reachableUplinks:
            "what would help: hosts that can be dialled, with fast uplinks, such as caches"
        }
    }

    private static func time(_ seconds: Double?) -> String {
        guard let seconds else { return "never" }
        return seconds < 60 ? "\((seconds * 10).rounded() / 10)s" : HumanText.time(Int(seconds.rounded()))
    }

    private static func ratio(_ answer: CapacityPlan.Answer) -> String {
        answer.makespan.map { "\(($0 / answer.ideal.seconds * 100).rounded() / 100)" } ?? "-"
    }
}

extension Int {
    fileprivate func clamped(to range: ClosedRange<Int>) -> Int {
        Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
    }
}

/// The option with the number of sites, of a delivery's hosts or of a fleet's agents.
struct SimulatedSites: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Places over which hosts are spread; the seed is at the first. Default: 1, for a fleet 10.", valueName: "n")
    )
    var sites: Int?
}

/// How content is passed on in a simulation.
enum SimulatedScheme: String, CaseIterable, ExpressibleByArgument {
    /// By the decisions of this program.
    case swarm
    /// By ``RotationScheme``.
    case rotation
}
