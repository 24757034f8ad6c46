import HTTPOrigin
import Testing

@Suite struct `The health of a web seed` {
    private func waiting(_ health: WebSeedHealth, at now: Double) -> Double? {
        if case .waiting(let until) = health.state(at: now) { until - now } else { nil }
    }

    @Test func `begins usable, with one fetch, and grows with success`() {
        var health = WebSeedHealth(seed: 1)
        #expect(health.state(at: 0) == .usable && health.mayFetch(file: 0, at: 0) && health.fetchesAllowed == 1)
        for _ in 0..<10 { health.succeeded() }
        #expect(health.fetchesAllowed == 4)
        health.failed(.retry(after: nil, reason: ""), at: 0)
        #expect(health.fetchesAllowed == 2)
    }

    @Test func `waits longer after each failure, up to ten minutes, and not after a success`() throws {
        var health = WebSeedHealth(seed: 1)
        var now = 0.0
        var waits: [Double] = []
        for _ in 0..<20 {
            health.failed(.retry(after: nil, reason: ""), at: now)
            let wait = try #require(waiting(health, at: now))
            #expect(!health.mayFetch(file: 0, at: now))
            waits.append(wait)
            now += wait
            #expect(health.mayFetch(file: 0, at: now))
        }
        #expect((2.0...4.0).contains(waits[0]) && (4.0...8.0).contains(waits[1]))
        #expect(waits.allSatisfy { $0 <= 600 } && waits[19] >= 300)
        health.succeeded()
        health.failed(.retry(after: nil, reason: ""), at: now)
        #expect(try #require(waiting(health, at: now)) <= 4.001)
    }

    @Test func `waits as long as the server says, and not at all for delays of our own`() throws {
        var health = WebSeedHealth(seed: 1)
        health.failed(.retry(after: 0, reason: ""), at: 0)
        #expect(health.state(at: 0) == .usable)
        health.failed(.retry(after: 100, reason: ""), at: 0)
        #expect(waiting(health, at: 0) == 100)
    }

    @Test
    func `what was asked for before a lie and comes after it does not make a source whole again`() {
        var settings = WebSeedHealth.Settings()
        settings.probes = true
        var health = WebSeedHealth(settings: settings, seed: 1)
        for file in 0..<8 { health.badPiece(of: [file], reason: "wrong", at: 10) }
        #expect(health.isExhausted)
        health.answered(at: 10.1)
        health.succeeded(at: 10.2)
        #expect(health.isExhausted)
        #expect(health.trouble != nil)
        #expect(health.state(at: 10.3) != .usable)
        health.answered(at: 1_000)
        #expect(!health.isExhausted)
        #expect(health.trouble == nil)
    }

    @Test func `is over for a file after three bad pieces of it, and not for the others`() {
        var health = WebSeedHealth(seed: 1)
        for _ in 0..<3 { health.badPiece(of: [0], reason: "stale", at: 0) }
        #expect(!health.mayFetch(file: 0, at: 1_000) && health.mayFetch(file: 1, at: 1_000))
        #expect(health.refusal(ofFile: 0) == SourceReason(.wrongContent, "stale") && health.state(at: 1_000) == .usable)
    }

    @Test func `is over for a file at once whose length is wrong`() {
        var health = WebSeedHealth(seed: 1)
        for file in 0..<100 { health.failed(.wrongContent(file: file, reason: "stale"), at: 0) }
        #expect(health.state(at: 0) == .usable && health.mayFetch(file: 100, at: 0))
        #expect(health.missingFiles(at: 0) == Set(0..<100))
    }

    @Test func `forgives a bad piece for five hundred good ones`() {
        var health = WebSeedHealth(seed: 1)
        for _ in 0..<2 { health.badPiece(of: [0], reason: "", at: 0) }
        for _ in 0..<500 { health.goodPiece(of: [0]) }
        health.badPiece(of: [0], reason: "", at: 0)
        #expect(health.mayFetch(file: 0, at: 1_000))
        health.badPiece(of: [0], reason: "", at: 0)
        #expect(!health.mayFetch(file: 0, at: 1_000))
    }

    @Test func `suspects of a shared piece the file that never came out right`() {
        var health = WebSeedHealth(seed: 1)
        health.goodPiece(of: [0])
        for _ in 0..<3 { health.badPiece(of: [0, 1], reason: "", at: 0) }
        #expect(health.mayFetch(file: 0, at: 1_000) && !health.mayFetch(file: 1, at: 1_000))
    }

    @Test func `is over altogether after bad pieces of eight files in a row`() {
        var mixed = WebSeedHealth(seed: 1)
        for file in 0..<50 {
            mixed.badPiece(of: [file], reason: "stale", at: 0)
            if file % 5 == 0 { mixed.goodPiece(of: [100]) }
        }
        #expect(mixed.mayFetch(file: 0, at: 1_000))
        var liar = WebSeedHealth(seed: 1)
        for file in 0..<8 {
            #expect(liar.mayFetch(file: 9, at: 1_000))
            liar.badPiece(of: [file], reason: "stale", at: 0)
        }
        #expect(liar.state(at: 1_000_000) == .banned("stale"))
    }

    @Test func `is over for a file it lacks, or altogether`() {
        var health = WebSeedHealth(seed: 1)
        health.failed(.giveUp(file: 3, reason: ""), at: 0)
        #expect(!health.mayFetch(file: 3, at: 0) && health.mayFetch(file: 4, at: 0))
        health.failed(.cancelled, at: 0)
        #expect(health.mayFetch(file: 4, at: 0))
        health.failed(.giveUp(file: nil, reason: "no ranges"), at: 0)
        #expect(health.state(at: 0) == .banned("no ranges"))
    }
}

@Suite struct `A Retry-After header` {
    @Test(arguments: [
        ("0", 0.0), ("120", 120), (" 7 ", 7), ("Sun, 06 Nov 1994 08:49:37 GMT", 37),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 37),
        ("Sun Nov  6 08:49:37 1994", 37), ("Sun, 06 Nov 1994 08:48:00 GMT", 0), ("99999999999999999999", 1e9),
    ]) func `is seconds or a date in one of three forms`(header: String, seconds: Double) {
        #expect(RetryAfter.seconds(header, now: 784_111_740) == seconds)
    }

    @Test(arguments: [
        "", "-1", "1.5", "soon", "Sun, 31 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 06 Nov 1994 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 99999 08:49:37 GMT", "1 2 3 4 5",
    ]) func `of any other kind says nothing`(header: String) {
        #expect(RetryAfter.seconds(header, now: 0) == nil)
    }
}

@Suite struct `The health of a source that is probed` {
    private func health() -> WebSeedHealth {
        var settings = WebSeedHealth.Settings()
        settings.probes = true
        return WebSeedHealth(settings: settings, seed: 1)
    }

    @Test func `is never over, only asked later and later`() throws {
        var health = health()
        var now = 0.0
        var waits: [Double] = []
        for problem: WebSeedProblem in [
            .unreachable(reason: "refused"), .giveUp(file: nil, reason: "no ranges"), .unreachable(reason: "refused"),
            .unreachable(reason: "refused"), .unreachable(reason: "refused"), .unreachable(reason: "refused"),
            .unreachable(reason: "refused"),
        ] {
            health.failed(problem, at: now)
            #expect(health.isExhausted && health.trouble == problem.reason)
            let next = try #require(health.nextChange(after: now))
            waits.append(next - now)
            now = next
            #expect(health.state(at: now) == .usable)
        }
        #expect(waits.last ?? 0 > 100 && waits.allSatisfy { $0 <= 600 })
        health.answered()
        #expect(!health.isExhausted && health.trouble == nil)
    }

    @Test func `counts fetches that fail together once`() throws {
        var health = health()
        for _ in 0..<4 { health.failed(.unreachable(reason: "refused"), at: 0) }
        #expect(try #require(health.nextChange(after: 0)) <= 4)
    }

    @Test func `asks again for a file it lacked, and for others meanwhile`() throws {
        var health = health()
        health.failed(.giveUp(file: 3, reason: "404"), at: 0)
        #expect(
            health.missingFiles(at: 0) == [3] && health.mayFetch(file: 4, at: 0) && health.refusal(ofFile: 3) == "404")
        let next = try #require(health.nextChange(after: 0))
        #expect(health.mayFetch(file: 3, at: next) && health.missingFiles(at: next).isEmpty)
        #expect(health.refusedFiles == [3])
        health.failed(.giveUp(file: 3, reason: "404"), at: next)
        #expect(try #require(health.nextChange(after: next)) - next >= 4)
        health.answered(file: 3)
        #expect(health.refusedFiles.isEmpty && health.mayFetch(file: 3, at: 0))
    }

    @Test func `asks for a wrong file later, and for others meanwhile`() {
        var health = health()
        health.badPiece(of: [0], reason: "stale", at: 0)
        health.failed(.wrongContent(file: 1, reason: "shorter"), at: 0)
        #expect(!health.isExhausted && health.missingFiles(at: 0) == [0, 1])
        // A bad piece costs a short wait.
        #expect(health.mayFetch(file: 2, at: 4))
        // That its bytes come again says nothing as long as they do not verify.
        health.answered(file: 0)
        #expect(health.refusedFiles == [0, 1])
        health.goodPiece(of: [0])
        #expect(health.refusedFiles == [1])
        #expect(health.mayFetch(file: 0, at: 600) && health.mayFetch(file: 1, at: 600))
    }

    @Test func `is in trouble of the passing kind when a server is busy`() {
        var health = health()
        health.failed(.retry(after: 5, reason: "busy"), at: 0)
        #expect(!health.isExhausted && health.trouble == "busy")
    }
}
