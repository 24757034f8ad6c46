import Admission
import Fleet
import FleetLink
import Foundation
import TestSupport
import Testing
import Text

private func event(_ number: UInt64, _ detail: String? = nil) -> AgentEvent {
    AgentEvent(number: number, job: "j-1", attempt: 1, time: 5, report: .done, detail: detail, receipt: "a.b.c")
}

@Suite struct QueueTests {
    @Test func `Events and their numbers outlive a restart, and those that control has do not`() async throws {
        try await withDirectory { directory in
            let memory = LinkMemory.directory(directory)
            let queue = try await EventQueue.open(memory)
            for number in 1...5 { #expect(try await queue.append { event($0) } == UInt64(number)) }
            let again = try await EventQueue.open(memory)
            #expect(again.batch().map(\.number) == [1, 2, 3, 4, 5])
            #expect(again.batch().first == event(1))
            await again.acknowledge(upTo: 5)
            let empty = try await EventQueue.open(memory)
            #expect(empty.count == 0)
            #expect(try await empty.append { event($0) } == 6)
        }
    }

    @Test(arguments: [1, 7, 8, 20])
    func `What a crash cut off is left out, and the next event follows the last whole one`(
        _ cut: Int
    ) async throws {
        try await withDirectory { directory in
            let memory = LinkMemory.directory(directory)
            let queue = try await EventQueue.open(memory)
            for _ in 1...3 { _ = try await queue.append { event($0) } }
            let path = "\(directory)/events"
            let whole = try #require(FileManager.default.contents(atPath: path).map { Array($0) })
            try Data(whole.dropLast(cut)).write(to: URL(filePath: path))
            let again = try await EventQueue.open(memory)
            #expect(again.batch().map(\.number) == [1, 2])
            #expect(try await again.append { event($0) } == 3)
            #expect(try await EventQueue.open(memory).batch().map(\.number) == [1, 2, 3])
        }
    }

    @Test func `Any bytes are read as a file of events without a trap`() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<2000 {
            _ = EventFile.parse(random.bytes(Int.random(in: 0..<64, using: &random)))
            _ = EventFile.parse([0, 0, 0, 4] + random.bytes(Int.random(in: 0..<64, using: &random)))
        }
    }

    @Test func `The queue is bounded in bytes`() {
        var pending = PendingEvents(most: 100)
        let taken = [(UInt64(1), 60), (2, 60), (2, 40)].map { pending.append(event($0), size: $1) }
        #expect(taken == [true, false, true])
        pending.acknowledge(upTo: 1)
        #expect(pending.bytes == 40)
        #expect(pending.batch().map(\.number) == [2])
        #expect(pending.next == 3)
    }

    @Test func `What was written with more room is kept, and nothing more is taken until there is room again`() {
        var pending = PendingEvents(most: 100)
        for number in 1...3 { pending.restore(event(UInt64(number)), size: 60) }
        #expect(pending.batch().count == 3)
        #expect(!pending.hasRoom(for: 1))
        pending.acknowledge(upTo: 2)
        #expect(pending.hasRoom(for: 40) && !pending.hasRoom(for: 41))
        #expect(pending.next == 4)
    }

    @Test func `A new key begins with 1, and what waits is said again under it`() async throws {
        try await withDirectory { directory in
            let memory = LinkMemory.directory(directory)
            let queue = try await EventQueue.open(memory)
            for _ in 1...3 { _ = try await queue.append { event($0) } }
            await queue.acknowledge(upTo: 2)
            try await queue.renumber()
            #expect(queue.batch().map(\.number) == [1])
            #expect(try await EventQueue.open(memory).batch().map(\.number) == [1])
        }
    }
}

@Suite struct SyncRoundTests {
    private func expect(
        _ action: SyncRound.Action, _ expected: SyncRound.Action, _ place: SourceLocation = #_sourceLocation
    ) { #expect(action == expected, sourceLocation: place) }

    @Test func `what happens before a prompt answer waits for it, and needs no second connection`() {
        var round = SyncRound()
        expect(round.next(), .send(1))
        round.isPrompt(1)
        round.news()
        expect(round.next(), .wait)
        expect(round.ended(1, isGood: true), .over)
        // Beside a request that waits at control there is one that brings news, and no third.
        round = SyncRound()
        expect(round.next(), .send(1))
        round.news()
        expect(round.next(), .send(2))
        round.isPrompt(2)
        round.news()
        expect(round.ended(1, isGood: true), .wait)
        expect(round.ended(2, isGood: true), .over)
    }

    @Test func `What happens while a request waits is sent over the other connection, and no more than two are open`() {
        var round = SyncRound()
        expect(round.next(), .send(1))
        expect(round.next(), .wait)
        round.news()
        expect(round.next(), .send(2))
        round.news()
        expect(round.next(), .wait)
        // The first was ended by the second: the third follows at once.
        expect(round.ended(1, isGood: true), .send(3))
        expect(round.ended(2, isGood: false), .wait)
        expect(round.ended(3, isGood: true), .over)
    }

    @Test func `A round fails with its last sending, and not with one before`() {
        var round = SyncRound()
        expect(round.next(), .send(1))
        round.news()
        expect(round.next(), .send(2))
        expect(round.ended(1, isGood: false), .wait)
        expect(round.ended(2, isGood: false), .failed)
        expect(round.ended(7, isGood: true), .wait)
    }
}

@Suite struct ControlAddressTests {
    @Test(arguments: [
        ("https://control:8443", "https://control:8443"), ("control", "https://control:7443"),
        ("https://control/", "https://control:7443"), ("https://control:443", "https://control:443"),
        ("[::1]:9", "https://[::1]:9"), ("https://[::1]", "https://[::1]:7443"),
    ]) func `is read with the usual port where there is none`(_ text: String, _ expected: String) throws {
        #expect(try #require(ControlAddress(text)).description == expected)
    }

    @Test(arguments: ["", "http://control", "https://control/path", "https://a:b@control", "control:99999"])
    func `is nothing else`(_ text: String) { #expect(ControlAddress(text) == nil) }

    @Test func `is one of a list`() {
        #expect(ControlAddress.list("a, b:1,a")?.map(\.authority) == ["a:7443", "b:1"])
        #expect(ControlAddress.list("a,http://b") == nil)
    }
}

@Suite struct JoinFailuresTests {
    @Test func `An address has ten wrong tokens a minute`() throws {
        var failures = FailureLimit(10, per: 60)
        let (one, other) = (try #require(Source(bytes: [10, 0, 0, 1])), try #require(Source(bytes: [10, 0, 0, 2])))
        for _ in 0..<10 {
            #expect(!failures.isSpent(one, at: 0))
            failures.fail(one, at: 0)
        }
        #expect(failures.isSpent(one, at: 0))
        #expect(!failures.isSpent(other, at: 0))
        #expect(failures.isSpent(one, at: 5))
        #expect(!failures.isSpent(one, at: 7))
    }
}
