import Testing

@testable import Control

@Suite struct `The commands that a node has not taken yet` {
    private func take(_ outbox: inout Outbox) -> [String] {
        let ids = outbox.commands.map(\.id)
        outbox.take(ids)
        return ids
    }

    @Test func `have the end of a job again when it has begun again`() {
        var outbox = Outbox()
        #expect(outbox.add(.offer(job: "j", attempt: 1)) == true)
        #expect(outbox.add(.end(job: "j")) == true)
        #expect(take(&outbox) == ["j.end"])
        #expect(outbox.add(.end(job: "j")) == false)
        #expect(outbox.add(.offer(job: "j", attempt: 2)) == true)
        #expect(outbox.add(.end(job: "j")) == true)
        // It begins again before the node has heard of its end.
        #expect(outbox.add(.resume(job: "j", revision: 5)) == true)
        #expect(take(&outbox) == ["j.5.resume"])
        #expect(outbox.add(.end(job: "j")) == true)
        #expect(take(&outbox) == ["j.end"])
    }

    @Test func `keep a pause when an earlier order to go on is told again`() {
        var outbox = Outbox()
        #expect(outbox.add(.resume(job: "j", revision: 5)) == true)
        #expect(take(&outbox) == ["j.5.resume"])
        #expect(outbox.add(.pause(job: "j", revision: 6)) == true)
        #expect(outbox.add(.resume(job: "j", revision: 5)) == false)
        #expect(take(&outbox) == ["j.6.pause"])
    }

    @Test func `have a rollback's next attempt`() {
        var outbox = Outbox()
        #expect(outbox.add(.restore(job: "j", attempt: 1)) == true)
        #expect(take(&outbox) == ["j.1.restore"])
        #expect(outbox.add(.restore(job: "j", attempt: 2)) == true)
        #expect(take(&outbox) == ["j.2.restore"])
    }
}
