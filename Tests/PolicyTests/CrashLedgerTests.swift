import Policy
import Testing

@Suite("The ledger of crashes")
struct CrashLedgerTests {
    private func running(_ tasks: String...) -> CrashLedger {
        var ledger = CrashLedger()
        for task in tasks { ledger.started(task, done: 0) }
        return ledger
    }

    @Test
    func `a task that was running at three crashes in a row is given up, and is started alone before`() {
        var ledger = running("receiver/a")
        ledger.charge(.crash) { _ in 0 }
        #expect(ledger.standing(of: "receiver/a") == .trusted)
        ledger.started("receiver/a", done: 0)
        ledger.charge(.crash) { _ in 0 }
        #expect(ledger.standing(of: "receiver/a") == .suspect)
        ledger.started("receiver/a", done: 0)
        ledger.charge(.crash) { _ in 0 }
        #expect(ledger.standing(of: "receiver/a") == .givenUp)
        #expect(ledger.standing(of: "receiver/b") == .trusted)
    }

    @Test
    func `one that did not run yet is not charged, and one that ended is forgotten`() {
        var ledger = running("sender/a", "sender/b")
        ledger.charge(.crash) { _ in 0 }
        ledger.started("sender/a", done: 0)
        ledger.charge(.crash) { _ in 0 }
        #expect(ledger.entries["sender/a"]?.crashes == 2)
        #expect(ledger.entries["sender/b"]?.crashes == 1)
        ledger.ended("sender/a")
        #expect(ledger.standing(of: "sender/a") == .trusted)
    }

    @Test
    func `one that got on between two crashes begins anew, and so does one that ran long enough`() {
        var ledger = running("receiver/a")
        for done in 1...9 {
            ledger.started("receiver/a", done: Int64(done))
            ledger.charge(.crash) { _ in Int64(done) + 1 }
            #expect(ledger.standing(of: "receiver/a") == .trusted)
        }
        let isNews = ledger.proved("receiver/a")
        #expect(isNews)
        #expect(!ledger.hasCounts)
    }

    @Test
    func `kills take longer, and a loss of power counts for nothing`() {
        var ledger = running("receiver/a")
        for _ in 0..<100 {
            ledger.started("receiver/a", done: 0)
            ledger.charge(.powerLoss) { _ in 0 }
        }
        #expect(!ledger.hasCounts)
        for _ in 0..<29 {
            ledger.started("receiver/a", done: 0)
            ledger.charge(.kill) { _ in 0 }
        }
        #expect(ledger.standing(of: "receiver/a") == .suspect)
        ledger.started("receiver/a", done: 0)
        ledger.charge(.kill) { _ in 0 }
        #expect(ledger.standing(of: "receiver/a") == .givenUp)
    }

    @Test
    func `it is read as it was written, and what is no ledger is an empty one`() {
        var ledger = running("receiver/cfec-001-Film A.task.json", "sender/影片.task.json")
        ledger.charge(.crash) { _ in 0 }
        ledger.started("sender/影片.task.json", done: 77)
        #expect(CrashLedger(text: ledger.text) == ledger)
        for text in ["", "x", "swoop running tasks 1", "swoop running tasks 1\n-1 0 1 0 a\n1 2 3\n9 9 9 9\n"] {
            #expect(CrashLedger(text: text) == CrashLedger())
        }
    }
}

@Suite("Who holds a place")
struct PlaceClaimsTests {
    private func expect(
        _ claims: inout PlaceClaims, _ wanted: Set<String>, _ task: String, _ holder: String?,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let other = claims.claim(wanted, by: task)
        #expect(other == holder, sourceLocation: sourceLocation)
    }

    @Test
    func `the second is told who has it, until that one gives it back`() {
        var claims = PlaceClaims()
        expect(&claims, ["a", "b"], "one", nil)
        expect(&claims, ["b", "c"], "two", "one")
        expect(&claims, ["c"], "two", nil)
        expect(&claims, ["a", "b"], "one", nil)
        // A new claim takes the place of the old one.
        expect(&claims, ["d"], "one", nil)
        expect(&claims, ["a", "b", "c"], "two", nil)
        claims.release("two")
        #expect(claims.holder(of: ["a", "b", "c"], besides: "x") == nil)
    }
}
