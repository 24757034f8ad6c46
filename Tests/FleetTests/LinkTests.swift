import Fleet
import Testing

@Suite struct LinkTests {
    @Test func `a rate that no line has is bounded`() throws {
        let figures = try JobFigures(bytes: Array(#"{"job":"j-1","done":1,"total":2,"down":1e300,"up":7}"#.utf8))
        #expect(figures.down == 1e15)
        #expect(figures.up == 7)
    }

    @Test func `requests follow each other, and a lost answer is given again`() throws {
        var sequence = SyncSequence()
        #expect(try sequence.receive(1, request: "a", returning: "", next: "n1") == .accepted)
        #expect(try sequence.receive(1, request: "a", returning: "", next: "n1b") == .repeated)
        #expect(sequence.nonce == "n1")
        #expect(try sequence.receive(2, request: "b", returning: "n1", next: "n2") == .accepted)
        #expect(throws: SyncSequence.Refusal.replayed) {
            try sequence.receive(1, request: "a", returning: "", next: "x")
        }
        #expect(!sequence.isCloned)
        #expect(try sequence.receive(3, request: "c", returning: "n2", next: "n3") == .accepted)
    }

    @Test func `two hosts with one key are found out, whichever asks first`() throws {
        for offset in [0, 1, 5, 200] {
            var sequence = SyncSequence()
            var nonce = ""
            for number in 1...10 {
                _ = try sequence.receive(UInt64(number), request: "r\(number)", returning: nonce, next: "n\(number)")
                nonce = "n\(number)"
            }
            // From here both go on with the same state; the first is some requests ahead.
            let copied = nonce
            for number in 11..<(11 + offset) {
                _ = try sequence.receive(UInt64(number), request: "a\(number)", returning: nonce, next: "n\(number)")
                nonce = "n\(number)"
            }
            if offset == 0 {
                // The second host's request is just the next; the first one's then is not.
                _ = try sequence.receive(11, request: "b11", returning: copied, next: "m11")
                #expect(throws: SyncSequence.Refusal.cloned) {
                    try sequence.receive(11, request: "a11", returning: copied, next: "x")
                }
            } else {
                #expect(throws: SyncSequence.Refusal.cloned) {
                    try sequence.receive(11, request: "b11", returning: copied, next: "x")
                }
            }
            #expect(sequence.isCloned)
            sequence.settle()
            #expect(!sequence.isCloned)
        }
    }

    /// The answer to a number was lost on its way from one control, and came from another.
    @Test func `an agent that another control has answered meanwhile is no copy`() throws {
        var sequence = SyncSequence()
        _ = try sequence.receive(1, request: "a", returning: "", next: "ours")
        var unaware = sequence
        #expect(throws: SyncSequence.Refusal.cloned) {
            _ = try unaware.receive(2, request: "b", returning: "theirs", next: "n")
        }
        sequence.wasElsewhere()
        #expect(try sequence.receive(2, request: "b", returning: "theirs", next: "n") == .accepted)
        // That holds once.
        #expect(throws: SyncSequence.Refusal.cloned) {
            _ = try sequence.receive(3, request: "c", returning: "others", next: "m")
        }
    }

    @Test func `a control that was restored goes on with agents that are ahead`() throws {
        var sequence = SyncSequence(last: 5, nonce: "old", requests: ["e"])
        #expect(try sequence.receive(9, request: "i", returning: "unknown", next: "n") == .ahead)
        #expect(try sequence.receive(10, request: "j", returning: "n", next: "o") == .accepted)
    }

    @Test func `many agents ask less often, and never more than a thousand times a second`() {
        let pace = SyncPace()
        for agents in [0, 1, 1000, 10_000, 10_001, 100_000] {
            #expect(pace.interval(agents: agents) >= 10)
            #expect(Double(agents) / pace.interval(agents: agents) <= 1000)
        }
        #expect(pace.interval(agents: 10_000) == 10)
        #expect(pace.awayAfter(agents: 1) == 30)
    }

    @Test func `agents come back spread over a minute`() {
        var waits: [Double] = []
        for random in [0, 0.25, 0.5, 0.999] {
            var reconnection = Reconnection()
            for _ in 0..<20 { waits.append(reconnection.failed(random: random)) }
        }
        #expect(waits.allSatisfy { (1.0...60).contains($0) })
        #expect(waits.max() ?? 0 > 55)
    }

    @Test func `a clock that is off is measured, and followed when it is set`() {
        var clock = ClockDifference()
        clock.measured(asked: 3600, answered: 3602, control: 1)
        #expect(abs(clock.seconds - 3600) <= 1 && clock.isFlagged)
        clock.measured(asked: 3700, answered: 3700.2, control: 100.1)
        #expect(abs(clock.seconds - 3600) < 0.2)
        #expect(abs(clock.here(200) - 3800) < 0.2)
        clock.measured(asked: 150, answered: 150.5, control: 150.25)
        #expect(abs(clock.seconds) < 0.5 && !clock.isFlagged)
    }
}
