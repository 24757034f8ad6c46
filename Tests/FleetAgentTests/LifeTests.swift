import Fleet
import FleetAgent
import JSON
import Testing

@Suite struct LifeTests {
    private func life(hook: Bool = false, cache: Bool = false) -> TargetLife {
        TargetLife(attempt: 1, hasHook: hook, isCache: cache)
    }

    @Test func `sums that would make a receipt too long leave their lines out, and keep count and digest`() {
        let few = FileSums(check: .sha1, lines: (0..<10).map { .init(path: "file \($0)", sum: "00") })
        #expect(few.kept == few)
        let many = FileSums(check: .sha1, lines: (0...FileSums.mostKept).map { .init(path: "\($0)", sum: "00") })
        // Written as JSON, a control character takes six bytes.
        let long = String(repeating: "\u{1}", count: 250)
        let escaped = FileSums(check: .sha1, lines: (0..<100).map { .init(path: "\(long)\($0)", sum: "00") })
        for sums in [many, escaped] {
            #expect(sums.kept.lines.isEmpty)
            #expect(sums.kept.count == sums.count && sums.kept.digest == sums.digest)
        }
    }

    @Test func `content is visible only after an order`() {
        var life = life()
        #expect(life.handle(.bytesCome, at: 0) == [.report(.receiving)])
        #expect(life.handle(.bytesCome, at: 0) == [])
        #expect(life.handle(.arrived, at: 1) == [.report(.delivered)])
        #expect(life.handle(.time, at: 2) == [])
        #expect(life.handle(.order(.switches(at: nil)), at: 3) == [.publish])
        #expect(life.handle(.published, at: 4) == [.report(.switched), .report(.done)])
        #expect(life.stage == .ended)
    }

    @Test func `an order that comes first is kept until the content is here`() {
        var life = life()
        #expect(life.handle(.order(.switches(at: nil)), at: 0) == [])
        #expect(life.handle(.arrived, at: 1) == [.report(.delivered), .publish])
    }

    @Test func `a switch at a moment waits for that`() {
        var life = life()
        _ = life.handle(.arrived, at: 0)
        #expect(life.handle(.order(.switches(at: 100)), at: 90) == [])
        #expect(life.due == 100)
        #expect(life.handle(.time, at: 99.9) == [])
        #expect(life.handle(.time, at: 100) == [.publish])
    }

    @Test func `a hook starts once for an attempt`() {
        var life = life(hook: true)
        _ = life.handle(.arrived, at: 0)
        _ = life.handle(.order(.switches(at: nil)), at: 0)
        #expect(life.handle(.published, at: 0) == [.report(.switched), .report(.hookStarted), .startHook(attempt: 1)])
        // A new agent says again where it is, and starts nothing.
        #expect(life.handle(.resumed, at: 1) == [.report(.hookStarted)])
        #expect(life.handle(.offered(attempt: 1), at: 1) == [.report(.hookStarted)])
        #expect(
            life.handle(.hookEnded(.exited(75), retry: [75]), at: 2)
                == [.report(.failed(code: "hook_exit_75", again: true))])
        // Another attempt: the content is there, and its hook runs again.
        #expect(
            life.handle(.offered(attempt: 2), at: 3) == [
                .report(.delivered), .report(.switched), .report(.hookStarted), .startHook(attempt: 2),
            ])
        #expect(life.handle(.hookEnded(.exited(0), retry: []), at: 4) == [.report(.done)])
    }

    @Test func `what nobody knows of a hook is said so`() {
        var life = life(hook: true)
        _ = life.handle(.arrived, at: 0)
        _ = life.handle(.order(.switches(at: nil)), at: 0)
        _ = life.handle(.published, at: 0)
        #expect(life.handle(.hookEnded(.unknown, retry: []), at: 2) == [.report(.hookUnknown)])
    }

    @Test func `cancel removes what is not visible, and nothing else`() {
        var one = life()
        #expect(one.handle(.order(.cancel), at: 0) == [.report(.cancelled), .stop, .discard, .close])
        var other = life()
        _ = other.handle(.arrived, at: 0)
        _ = other.handle(.order(.switches(at: nil)), at: 0)
        _ = other.handle(.published, at: 0)
        #expect(other.handle(.order(.cancel), at: 1) == [.stop, .close])
        #expect(other.outcome == .done)
    }

    @Test func `the end of a job leaves content that came whole, published or not, and removes what is unfinished`()
        throws
    {
        var unfinished = life()
        _ = unfinished.handle(.bytesCome, at: 0)
        #expect(unfinished.handle(.order(.end), at: 1) == [.report(.cancelled), .stop, .discard, .close])
        #expect(!unfinished.isKept)
        var delivered = life()
        _ = delivered.handle(.arrived, at: 0)
        #expect(delivered.handle(.order(.end), at: 1) == [.report(.cancelled), .stop, .keep])
        // It may be told the end more than once.
        #expect(delivered.isKept && delivered.handle(.order(.end), at: 2) == [])
        #expect(try TargetLife(json: delivered.json).isKept)
        // Where control offers the job again, the content is there.
        #expect(delivered.handle(.offered(attempt: 2), at: 3) == [.report(.delivered)])
        #expect(!delivered.isKept && delivered.handle(.order(.switches(at: nil)), at: 4) == [.publish])
        // The place could not be written to: the content is there all the same.
        _ = delivered.handle(.failed(code: "publish", again: true), at: 5)
        #expect(delivered.handle(.order(.end), at: 6) == [.stop, .keep] && delivered.isKept)
        // Whoever cancels wants it gone.
        #expect(delivered.handle(.order(.cancel), at: 7) == [.stop, .discard, .close] && !delivered.isKept)
    }

    @Test func `a cache keeps what it has for a while after the job, and then deletes it`() throws {
        var life = TargetLife(attempt: 1, hasHook: false, isCache: true, seedTime: 100)
        _ = life.handle(.bytesCome, at: 1)
        #expect(life.handle(.arrived, at: 2) == [.report(.done)])
        #expect(life.handle(.order(.end), at: 10).isEmpty)
        #expect(life.handle(.order(.end), at: 50).isEmpty && life.due == 110 && !life.isOver)
        var again = try TargetLife(json: life.json)
        #expect(again == life)
        #expect(again.handle(.time, at: 109).isEmpty)
        #expect(again.handle(.time, at: 110) == [.stop, .discard, .close] && again.isOver)
        // A job that is cancelled is over at once.
        #expect(life.handle(.order(.cancel), at: 60) == [.stop, .discard, .close])
    }

    @Test func `a cache keeps until the job is over`() {
        var life = life(cache: true)
        #expect(life.handle(.arrived, at: 0) == [.report(.done)])
        #expect(life.handle(.order(.end), at: 1) == [.stop, .discard, .close])
    }

    @Test func `a pause holds the switch`() {
        var life = life()
        _ = life.handle(.arrived, at: 0)
        #expect(life.handle(.order(.pause), at: 0) == [.stop])
        #expect(life.handle(.order(.switches(at: nil)), at: 1) == [])
        #expect(life.handle(.order(.resume), at: 2) == [.publish])
    }

    @Test func `turns go by priority, deadline and age, and those that have begun go on`() {
        func candidate(_ job: String, _ priority: Int64, _ deadline: Double?, _ accepted: Double, _ isOn: Bool = false)
            -> ReceivingTurns.Candidate
        {
            ReceivingTurns.Candidate(
                job: job, priority: priority, deadline: deadline, accepted: accepted, isReceiving: isOn)
        }
        let jobs = [
            candidate("old", 5, nil, 1), candidate("due", 5, 100, 2), candidate("high", 9, nil, 3),
            candidate("on", 5, nil, 4, true),
        ]
        #expect(ReceivingTurns.choose(jobs, most: 1) == ["high"])
        #expect(ReceivingTurns.choose(jobs, most: 2) == ["high", "on"])
        #expect(ReceivingTurns.choose(jobs, most: 3) == ["high", "on", "due"])
    }

    @Test func `kept content goes oldest first, only of the full disk, and only if that is enough`() {
        let kept = [
            KeptContent(job: "new", ended: 3, device: 1, bytes: 50),
            KeptContent(job: "old", ended: 1, device: 1, bytes: 30),
            KeptContent(job: "empty", ended: 0, device: 1, bytes: 0),
            KeptContent(job: "elsewhere", ended: 0, device: 2, bytes: 1000),
        ]
        func choose(_ lacks: (UInt64?, Int64)...) -> [String] {
            KeptContent.choose(kept, for: lacks.map { KeptContent.Lack(device: $0.0, bytes: $0.1) })
        }
        #expect(choose((1, 30)) == ["old"])
        #expect(choose((1, 31)) == ["old", "new"])
        #expect(choose((1, 81)).isEmpty)
        // A job that can never fit does not cost those that can.
        #expect(choose((1, 5000), (1, 10)) == ["old"])
        // The agent's own limit of a cache is no matter of kept content.
        #expect(choose((nil, 10)).isEmpty)
        #expect(choose((2, 1), (1, 1)) == ["old", "elsewhere"])
        #expect(choose().isEmpty)
    }

    @Test func `a record is read as it was written`() throws {
        let offer = JobOffer(
            content: JobContent(infoHashes: [String(repeating: "b", count: 40)], files: 2, bytes: 10), name: "n",
            className: "c", classVersion: 3, terms: ["dest": "x"], expires: 5)
        var life = life(hook: true)
        _ = life.handle(.arrived, at: 0)
        _ = life.handle(.order(.switches(at: 12)), at: 0)
        var record = TargetRecord(
            job: "j-1", offer: offer, life: life, root: "/srv", destination: "/srv/x", accepted: 7)
        record.hook = .init(attempt: 2, boot: "b", ending: .killed(signal: 9))
        record.sums = FileSums(check: .md5, lines: [.init(path: "a", sum: "00")])
        record.sources.peers = 9
        record.publish = .versions
        #expect(try TargetRecord(json: JSONValue.parse(record.json.encode())) == record)
    }
}
