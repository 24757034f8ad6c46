import Testing
import Text
import Tracking

/// Plays trackers for a schedule on a virtual clock: each URL answers, fails or refuses as told.
private struct Theatre {
    enum Reply {
        case answer(interval: Double, minInterval: Double?)
        case silence
        case refusal(TrackerAnswerError.Retry)
    }

    var schedule: TrackerSchedule
    var now = 0.0
    var replies: [String: Reply] = [:]
    /// What was announced to whom, and when.
    var heard: [(time: Double, url: String, event: AnnounceEvent, numWant: Int)] = []
    private var wakeUp: Double?
    private var open: [TrackerSchedule.Announce] = []

    init(_ tiers: [[String]], seed: UInt64 = 1, settings: TrackerScheduleSettings = .standard) {
        schedule = TrackerSchedule(tiers: tiers, settings: settings, seed: seed)
    }

    mutating func take(_ actions: [TrackerSchedule.Action]) {
        for action in actions {
            switch action {
            case .announce(let announce):
                heard.append((now, announce.url, announce.event, announce.numWant))
                open.append(announce)
            case .wakeUp(let time): wakeUp = time
            }
        }
    }

    /// Lets every announce under way end, each 0.1 s after it began, and what follows from it, until `time`.
    mutating func run(until time: Double) {
        while true {
            if !open.isEmpty {
                now += 0.1
                let announce = open.removeFirst()
                switch replies[announce.url] ?? .answer(interval: 1_800, minInterval: nil) {
                case .answer(let interval, let minInterval):
                    let answer = AnnounceAnswer(interval: interval, minInterval: minInterval)
                    take(schedule.succeeded(announce.id, answer: answer, at: now))
                case .silence: take(schedule.failed(announce.id, at: now))
                case .refusal(let retry): take(schedule.failed(announce.id, refusal: retry, at: now))
                }
            } else if let next = wakeUp, next <= time {
                now = max(now, next)
                wakeUp = nil
                take(schedule.wokeUp(at: now))
            } else {
                now = max(now, time)
                return
            }
        }
    }

    func events(_ url: String) -> [AnnounceEvent] { heard.filter { $0.url == url }.map(\.event) }
    func times(_ url: String) -> [Double] { heard.filter { $0.url == url }.map(\.time) }
}

private let a = "http://a.example/announce"
private let b = "http://b.example/announce"
private let c = "udp://c.example:1"

@Suite struct `A schedule of trackers` {
    @Test func `Trackers that keep their order are asked one after the other, and the first again when it is back`() {
        var settings = TrackerScheduleSettings()
        settings.keepsOrder = true
        (settings.startupRetry, settings.longestRetry, settings.spread) = (1, 60, 0)
        let urls = ["http://a/announce", "http://b/announce", "http://c/announce"]
        for seed in 1...8 {
            var theatre = Theatre([urls], seed: UInt64(seed), settings: settings)
            for url in urls { theatre.replies[url] = .answer(interval: 30, minInterval: 5) }
            theatre.replies[urls[0]] = .silence
            theatre.take(theatre.schedule.start(at: 0))
            theatre.run(until: 0.5)
            #expect(theatre.heard.map(\.url) == [urls[0], urls[1]])
            theatre.replies[urls[0]] = .answer(interval: 30, minInterval: 5)
            theatre.run(until: 10)
            #expect(theatre.heard.map(\.url) == [urls[0], urls[1], urls[0]])
            theatre.run(until: 100)
            #expect(theatre.heard.dropFirst(2).allSatisfy { $0.url == urls[0] })
        }
    }

    @Test func `announces to all tiers at once, and one per tier`() {
        var play = Theatre([[a, b], [c]])
        play.take(play.schedule.start(at: 0))
        #expect(play.heard.count == 2)
        #expect(Set(play.heard.map(\.url)).contains(c))
        #expect(play.heard.allSatisfy { $0.time == 0 && $0.event == .started && $0.numWant == 50 })
    }

    @Test func `shuffles within a tier`() {
        let firsts = (0..<40 as Range<UInt64>).map { seed -> String? in
            var schedule = TrackerSchedule(tiers: [[a, b]], seed: seed)
            guard case .announce(let announce) = schedule.start(at: 0).first else { return nil }
            return announce.url
        }
        #expect(Set(firsts) == [a, b])
    }

    @Test func `goes to the next of the tier at once, and stays with the one that answered`() {
        for seed in 0..<10 as Range<UInt64> {
            var play = Theatre([[a, b]], seed: seed)
            play.replies[a] = .silence
            play.take(play.schedule.start(at: 0))
            play.run(until: 4_000)
            #expect(play.times(b).first.map { $0 < 1 } == true)
            #expect(play.times(b).count == 3)
            #expect(play.times(a).count <= 1)
        }
    }

    @Test func `comes back to a recovered tracker when the other fails`() throws {
        var play = Theatre([[a, b]])
        play.replies[a] = .silence
        play.take(play.schedule.start(at: 0))
        play.run(until: 100)
        play.replies = [b: .silence]
        play.run(until: 2_000)
        #expect(play.events(a).last == .started)
        let firstOfA = try #require(play.times(a).last)
        play.run(until: 4_000)
        #expect(try #require(play.times(a).last) > firstOfA)
    }

    @Test func `tries again within two seconds at first, then ever more slowly up to half an hour`() {
        var play = Theatre([[a]])
        play.replies[a] = .silence
        play.take(play.schedule.start(at: 0))
        play.run(until: 50_000)
        let gaps = zip(play.times(a), play.times(a).dropFirst()).map { $1 - $0 - 0.1 }
        #expect((1.0...2.0).contains(gaps[0]) && (2.0...4.0).contains(gaps[1]) && (4.0...8.0).contains(gaps[2]))
        #expect(gaps.allSatisfy { $0 <= 1_800.001 })
        #expect(gaps.suffix(5).allSatisfy { $0 >= 899 })
    }

    @Test func `waits 15 to 30 seconds for a tracker that worked before`() {
        var play = Theatre([[a]])
        play.replies[a] = .answer(interval: 60, minInterval: nil)
        play.take(play.schedule.start(at: 0))
        play.run(until: 1)
        play.replies[a] = .silence
        play.run(until: 120)
        let times = play.times(a)
        #expect((15.0...30.2).contains(times[2] - times[1]))
        play.replies[a] = .answer(interval: 60, minInterval: nil)
        play.run(until: 1_000)
        #expect(play.events(a).filter { $0 == .started }.count == 1)
    }

    @Test func `heeds a tracker that says when to come back, or never to`() {
        var play = Theatre([[a], [b]])
        play.replies = [a: .refusal(.after(5_000)), b: .refusal(.never)]
        play.take(play.schedule.start(at: 0))
        play.run(until: 4_999)
        #expect(play.times(a).count == 1)
        play.run(until: 6_000)
        #expect(play.times(a).count == 2)
        play.run(until: 1_000_000)
        #expect(play.times(b).count == 1)
        #expect(play.schedule.status.last?.state == .refusedForGood)
    }

    @Test func `announces within the interval, a little early`() {
        var play = Theatre([[a]])
        play.replies[a] = .answer(interval: 1_000, minInterval: nil)
        play.take(play.schedule.start(at: 0))
        play.run(until: 20_000)
        let gaps = zip(play.times(a), play.times(a).dropFirst()).map { $1 - $0 }
        #expect(gaps.count >= 19 && gaps.allSatisfy { (899.9...1_000.3).contains($0) })
        #expect(Set(gaps.map { Int($0) }).count > 5)
    }

    @Test func `asks early for peers, but never before the minimum interval`() {
        var play = Theatre([[a], [b]])
        play.replies = [a: .answer(interval: 1_800, minInterval: 300), b: .answer(interval: 1_800, minInterval: nil)]
        play.take(play.schedule.start(at: 0))
        play.run(until: 10)
        play.take(play.schedule.setPeers(wanted: 1_000, needed: true, at: 10))
        play.run(until: 295)
        #expect(play.times(a).count == 1)
        #expect(play.times(b).count == 5)
        play.run(until: 310)
        #expect(play.times(a).count == 2)
        #expect(play.heard.last?.numWant == 200)
        play.take(play.schedule.setPeers(wanted: 0, needed: false, at: play.now))
        let count = play.heard.count
        play.run(until: 1_000)
        #expect(play.heard.count <= count + 1)
    }

    @Test func `delivers started, completed and stopped once to each that heard of us`() {
        var play = Theatre([[a, b], [c]])
        play.take(play.schedule.start(at: 0))
        play.run(until: 10)
        play.take(play.schedule.completed(at: 10))
        play.run(until: 100)
        play.take(play.schedule.completed(at: 100))
        play.take(play.schedule.stop(at: 100))
        play.run(until: 110)
        let first = play.heard[0].url == c ? play.heard[1].url : play.heard[0].url
        #expect(play.events(first) == [.started, .completed, .stopped])
        #expect(play.events(c) == [.started, .completed, .stopped])
        #expect(play.heard.count == 6)
        #expect(play.schedule.isStopped)
    }

    @Test func `tells a tracker it has left that the download is complete, and stopped`() {
        var play = Theatre([[a, b]])
        play.take(play.schedule.start(at: 0))
        play.run(until: 10)
        let first = play.heard[0].url
        let second = first == a ? b : a
        play.replies[first] = .silence
        play.run(until: 2_000)
        #expect(play.events(second) == [.started])
        play.replies = [:]
        play.take(play.schedule.completed(at: play.now))
        play.run(until: play.now + 60)
        #expect(play.events(first).last == .completed && play.events(second).last == .completed)
        play.take(play.schedule.stop(at: play.now))
        play.run(until: play.now + 5)
        #expect(play.events(first).last == .stopped && play.events(second).last == .stopped)
    }

    @Test func `says completed after a started that was under way`() {
        var play = Theatre([[a]])
        play.take(play.schedule.start(at: 0))
        play.take(play.schedule.completed(at: 0.05))
        play.run(until: 5)
        #expect(play.events(a) == [.started, .completed])
    }

    @Test func `does not say completed to a tracker that only ever knew the seed`() {
        var play = Theatre([[a]])
        play.replies[a] = .silence
        play.take(play.schedule.start(at: 0))
        play.take(play.schedule.completed(at: 0.05))
        play.run(until: 0.2)
        play.replies = [:]
        play.run(until: 100)
        #expect(play.events(a) == [.started, .started])
    }

    @Test func `says stopped after a second at most, though something is under way`() throws {
        var schedule = TrackerSchedule(tiers: [[a]], seed: 1)
        guard case .announce(let started) = try #require(schedule.start(at: 0).first) else { return }
        #expect(schedule.stop(at: 1) == [.wakeUp(at: 2)])
        guard case .announce(let stopped) = try #require(schedule.wokeUp(at: 2).first) else {
            Issue.record("no announce")
            return
        }
        #expect(stopped.event == .stopped && stopped.numWant == 0)
        // The late answer to `started` changes nothing.
        #expect(schedule.succeeded(started.id, answer: AnnounceAnswer(interval: 60), at: 2.5).isEmpty)
        #expect(!schedule.isStopped)
        #expect(schedule.failed(stopped.id, at: 3).isEmpty)
        #expect(schedule.isStopped)
    }

    @Test func `has nothing to say to trackers that never heard of us`() {
        var play = Theatre([[a]])
        play.replies[a] = .silence
        play.take(play.schedule.start(at: 0))
        play.run(until: 0.5)
        play.take(play.schedule.stop(at: 0.5))
        #expect(play.schedule.isStopped && play.events(a) == [.started])
        var idle = TrackerSchedule(tiers: [[a]], seed: 1)
        #expect(idle.stop(at: 0).isEmpty && idle.isStopped)
    }

    @Test func `leaves out what it cannot speak to, repetitions, and more than a torrent may name`() {
        let many = (0..<500).map { ["http://h\($0).example/announce"] }
        let schedule = TrackerSchedule(tiers: [[a, a, "wss://x.example:1"], [a]] + many, seed: 1)
        #expect(schedule.status.filter { $0.url == a }.count == 1)
        #expect(schedule.ignored.contains("wss://x.example:1"))
        #expect(schedule.status.count == 20)
        #expect(TrackerSchedule(tiers: [many.flatMap { $0 }], seed: 1).status.count == 60)
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `keeps its promises whatever trackers do`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var play = Theatre([[a, b], [c, "http://d.example/announce"]], seed: seed)
        play.take(play.schedule.start(at: 0))
        for step in 1...200 {
            for url in [a, b, c, "http://d.example/announce"] {
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: play.replies[url] = .silence
                case 1: play.replies[url] = .refusal(.unsaid)
                default: play.replies[url] = .answer(interval: 600, minInterval: 120)
                }
            }
            if step == 100 { play.take(play.schedule.completed(at: play.now)) }
            play.take(play.schedule.setPeers(wanted: 10, needed: Bool.random(using: &generator), at: play.now))
            play.run(until: play.now + 100)
        }
        play.replies = [:]
        play.take(play.schedule.stop(at: play.now))
        play.run(until: play.now + 10)
        #expect(play.schedule.isStopped)
        for url in Set(play.heard.map(\.url)) {
            let events = play.events(url)
            #expect(events.first == .started)
            #expect(events.filter { $0 == .stopped }.count <= 1)
            if let stop = events.firstIndex(of: .stopped) { #expect(stop == events.count - 1) }
        }
    }
}
