import Fleet
import JSON
import Settings
import Testing
import Text

@Suite struct PlanTests {
    private func candidates(_ count: Int, sites: Int = 4, canaries: Set<Int> = []) -> [WavePlan.Candidate] {
        (0..<count).map {
            .init(
                node: NodeID(publicKey: Array("n\($0)".utf8)), site: "s\($0 % sites)", isCanary: canaries.contains($0))
        }
    }

    @Test func `sizes are of all that switched until then`() {
        let plan = WavePlan(candidates(40), sizes: [.count(1), .percent(25), .percent(100)], job: "j")
        #expect(plan.waves.map(\.count) == [1, 9, 30])
        #expect(Set(plan.waves.flatMap(\.self)).count == 40)
        // What the last size leaves over goes in the last wave.
        #expect(WavePlan(candidates(40), sizes: [.count(5)], job: "j").waves.map(\.count) == [40])
        #expect(WavePlan(candidates(3), sizes: [.count(5), .percent(100)], job: "j").waves.map(\.count) == [3])
        #expect(WavePlan([], sizes: [.percent(100)], job: "j").waves.flatMap(\.self).isEmpty)
    }

    @Test func `canaries come first, and in the first wave one of each site before a second`() {
        let all = candidates(40, canaries: [17])
        let plan = WavePlan(all, sizes: [.count(4), .percent(100)], job: "j")
        #expect(plan.waves[0].contains(17))
        #expect(plan.waves[0].first == 17)
        let spread = WavePlan(candidates(40), sizes: [.count(4), .percent(100)], job: "j")
        #expect(Set(spread.waves[0].map { $0 % 4 }).count == 4)
    }

    @Test func `each job begins elsewhere, and the same job always at the same`() {
        let first = (0..<20).map {
            WavePlan(candidates(40), sizes: [.count(1), .percent(100)], job: "j\($0)").waves[0][0]
        }
        #expect(Set(first).count > 5)
        #expect(
            WavePlan(candidates(40), sizes: [.count(1), .percent(100)], job: "j")
                == WavePlan(candidates(40), sizes: [.count(1), .percent(100)], job: "j"))
    }

    @Test(arguments: [
        ("1", WaveSize.count(1)), ("5%", .percent(5)), ("100%", .percent(100)), ("0.5%", .percent(0.5)), ("0", nil),
        ("0%", nil), ("101%", nil), ("-1", nil), ("x", nil), ("", nil), ("%", nil), ("12345678", nil),
    ]) func `a wave's size is a number or a share`(text: String, size: WaveSize?) {
        #expect(WaveSize(text) == size)
        if let size { #expect(WaveSize(size.description) == size) }
    }

    @Test func `an arrival counts the hours in which nothing moves`() {
        let plain = Arrival(remaining: 1000, rate: 10, bound: 20, closed: [], deadline: 250, at: 100)
        #expect(plain.expected == 200 && plain.verdict == .inTime)
        let paused = Arrival(remaining: 1000, rate: 10, bound: 20, closed: [150..<250], deadline: 250, at: 100)
        #expect(paused.expected == 300 && paused.verdict == .late)
        // At its best rate it needs 50 s and 15 % more: not before 150.
        let tight = Arrival(remaining: 1000, rate: 25, bound: 20, closed: [], deadline: 150, at: 100)
        #expect(tight.verdict == .atRisk)
        #expect(Arrival(remaining: 1000, rate: 0, bound: nil, closed: [], deadline: 150, at: 100).verdict == .unknown)
        #expect(Arrival(remaining: 1000, rate: 0, bound: nil, closed: [], deadline: 50, at: 100).verdict == .late)
        #expect(Arrival(remaining: 0, rate: 0, bound: nil, closed: [], deadline: 150, at: 100).verdict == .inTime)
        #expect(Arrival(remaining: 10, rate: 1, bound: nil, closed: [], deadline: nil, at: 100).verdict == .unknown)
    }

    private func read(_ text: String) throws -> FleetClass {
        let value = try JSONValue.parse(Array(text.utf8))
        return try FleetClass(SettingsSource(#require(value.objectValue)))
    }

    @Test func `a class has defaults for all but its targets`() throws {
        let plain = try read(#"{"name": "web", "targets": "tier=web"}"#)
        #expect(plain.publish == .replace && plain.keep == 3 && plain.course.switches == .each)
        #expect(
            plain.course.waves == [.percent(100)] && plain.course.wait == 600
                && plain.course.maxFailures == .percent(10))
        #expect(plain.keyTime == 600 && plain.timeout == 600 && plain.priority == 5 && plain.seedTime == 1800)
        #expect(plain.course.retries == 3 && plain.course.expires == 7 * 86_400 && plain.check == .sha256)
        #expect(plain.isolation == .job && plain.peerToPeer && plain.sendfile && plain.senders == ["role:admin"])
    }

    @Test func `a class says all that a job needs`() throws {
        let full = try read(
            #"""
            {"name": "film", "targets": ["site=bj, screen", "site=sh"], "caches": "edge", "include": "^a/", "exclude": ["\\.tmp$"],
             "dest": "dcp/new", "publish": "versions", "keep": 5, "switch": "manual", "hook": {"name": "ingest", "args": ["a", 7]},
             "catchup": "latest", "waves": [1, "5%", "100%"], "wavesof": "transfer", "wait": "1h", "approve": true, "maxfailures": 2,
             "verify": "dcp", "p2p": false, "block": "4MiB", "isolation": "open", "limits": {"down": "10MiB", "site": 1000},
             "windows": [{"days": ["sat", "sun"], "from": "22:00", "to": "06:00", "limit": "1MB"}], "timeout": 60, "priority": 9,
             "check": "md5", "deadline": "6h"}
            """#)
        #expect(full.targets.expressions.count == 2 && full.hook == HookCall(name: "ingest", arguments: ["a", "7"]))
        #expect(full.course.waves == [.count(1), .percent(5), .percent(100)] && full.course.wavesGateTransfer)
        #expect(full.course.maxFailures == .count(2) && full.block == 4 << 20 && full.limits.down == 10 << 20)
        #expect(
            full.windows.first?.days == [0, 6] && full.windows.first?.from == 1320
                && full.windows.first?.limit == 1 << 20)
    }

    @Test(arguments: [
        (#"{"name": "web"}"#, "targets"), (#"{"name": "a/b", "targets": "x"}"#, "name"),
        (#"{"name": "a", "targets": "x="}"#, "targets"), (#"{"name": "a", "targets": "x", "dest": "../up"}"#, "dest"),
        (#"{"name": "a", "targets": "x", "dest": "/a//b"}"#, "dest"),
        (#"{"name": "a", "targets": "x", "exclude": "["}"#, "exclude"),
        (#"{"name": "a", "targets": "x", "block": "3MiB"}"#, "block"),
        (#"{"name": "a", "targets": "x", "waves": []}"#, "waves"),
        (#"{"name": "a", "targets": "x", "switch": "later"}"#, "switch"),
        (#"{"name": "a", "targets": "x", "colour": 1}"#, "colour"),
        (#"{"name": "a", "targets": "x", "switch": "together", "waves": [1, "100%"]}"#, "waves"),
        (#"{"name": "a", "targets": "x", "limits": {"down": "fast"}}"#, "limits.down"),
        (#"{"name": "a", "targets": "x", "windows": [{"from": "25:00"}]}"#, "windows[0].from"),
        (#"{"name": "a", "targets": "x", "hook": {"name": "h", "run": "rm"}}"#, "hook"),
        (#"{"name": "a", "targets": "x", "priority": 10}"#, "priority"),
        (#"{"name": "a", "targets": "x", "timeout": "0"}"#, "timeout"),
        (#"{"name": "a", "targets": "x", "senders": ["build-1"]}"#, "senders[0]"),
        (#"{"name": "a", "targets": "x", "senders": ["node:build-1", "group:x"]}"#, "senders[1]"),
        (#"{"name": "a", "targets": "x", "senders": "role:viewer"}"#, "senders"),
        (#"{"name": "a", "targets": "x", "waves": [5, 2, "100%"]}"#, "waves"),
        (#"{"name": "a", "targets": "x", "waves": ["10%", "5%"]}"#, "waves"),
    ]) func `what a class cannot say is refused by its key`(text: String, key: String) {
        let error = #expect(throws: SettingsError.self) { try read(text) }
        #expect(error.map { "\($0.path)" } == key)
    }

    @Test func `a size is bytes, or a number with a unit`() {
        let sizes: [(String, Int64?)] = [
            ("0", 0), ("17", 17), ("1K", 1024), ("1KiB", 1024), ("2 MB", 2 << 20), ("3g", 3 << 30), ("1T", 1 << 40),
            ("", nil),
            ("K", nil), ("1.5M", nil), ("-1", nil), ("9999999999T", nil), ("1X", nil),
        ]
        for (text, bytes) in sizes { #expect(ByteText.bytes(text) == bytes) }
    }
}
