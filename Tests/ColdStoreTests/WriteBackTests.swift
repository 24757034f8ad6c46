import Backends
import ColdStore
import Foundation
import Hashing
import Registry
import TestSupport
import Testing
import Text

private let digest = BlobDigest(SHA256.digest([1]))
private let other = BlobDigest(SHA256.digest([2]))

private func key(_ digest: BlobDigest = digest, _ backend: String = "a") -> WriteBackTask.Key {
    WriteBackTask.Key(backend: backend, digest: digest)
}

@Suite struct `What becomes of a task of write-back` {
    private let policy = WriteBackPolicy()

    private func task(_ failures: Int) -> WriteBackTask {
        WriteBackTask(key: key(), added: 0, due: 0, failures: failures)
    }

    @Test func `the first owner begins at once, the next ten minutes later each`() {
        #expect([1, 2, 3].map { policy.firstDue(rank: $0, now: 100) } == [100, 700, 1_300])
    }

    @Test(arguments: [WriteBackOutcome.stored, .wasThere, .gone])
    func `it is dropped when nothing is left to do`(outcome: WriteBackOutcome) {
        #expect(policy.step(after: outcome, of: task(3), now: 1) == .drop)
    }

    @Test func `pauses double from a second to five minutes`() {
        let problem = WriteBackOutcome.failed(BackendProblem(.disk, "x"))
        let pauses = (0..<11).map { policy.step(after: problem, of: task($0), now: 0) }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map { .retry(at: $0) })
    }

    @Test func `a back end that is down costs the task nothing`() {
        let problem = BackendProblem(.unavailable, "x")
        #expect(policy.step(after: .failed(problem), of: task(0), now: 0) == .wait)
    }

    /// It may be too large, or locked there.
    @Test func `a blob that is not taken comes after the others`() {
        let problem = BackendProblem(.refused, "x")
        #expect(policy.step(after: .notTaken(problem), of: task(2), now: 10) == .retry(at: 14))
        let cancelled = BackendProblem(.cancelled, "x")
        #expect(policy.step(after: .notTaken(cancelled), of: task(2), now: 10) == .wait)
    }

    @Test func `a back end rests, longer each time, and attempts that fail together count once`() {
        var rests = BackendRests()
        for _ in 0..<4 { rests.failed("a", asked: nil, now: 10) }
        #expect(rests.isResting("a", now: 10.9) && !rests.isResting("a", now: 11) && !rests.isResting("b", now: 10))
        rests.failed("a", asked: nil, now: 11)
        #expect(rests.resting(now: 12.9) == ["a"] && rests.nextEnd(now: 12) == 1 && rests.resting(now: 13) == [])
        rests.failed("a", asked: 60, now: 13)
        #expect(rests.isResting("a", now: 72))
        // The clock was set back by a day.
        #expect(!rests.isResting("a", now: -86_400))
        rests.answered("a")
        #expect(!rests.isResting("a", now: 14) && !rests.isSuspect("a"))
    }
}

@Suite struct `The queue of write-back` {
    @Test func `is there after a restart, in the order in which tasks are due`() async throws {
        let directory = try TemporaryDirectory()
        let first = try await WriteBackStore.open(directory.path("db"))
        try await first.add(key(), name: "n", added: 1, due: 20)
        try await first.add(key(other), name: "n", added: 2, due: 10)
        try await first.add(key(other, "b"), name: "n", added: 2, due: 10)
        await first.close()
        let store = try await WriteBackStore.open(directory.path("db"))
        #expect(try await store.due(30, resting: ["b"], limit: 9).map(\.key) == [key(other), key()])
        #expect(try await store.due(15, resting: [], limit: 9).count == 2)
        #expect(try await store.nextDue(after: 15, resting: []) == 20)
        #expect(try await store.figures() == (3, 1))
        #expect(try await store.isWaiting(digest))
        await store.close()
    }

    @Test func `keeps a task that was made again while the old one was done`() async throws {
        let directory = try TemporaryDirectory()
        let store = try await WriteBackStore.open(directory.path("db"))
        try await store.add(key(), name: "n", added: 1, due: 1)
        let old = try #require(try await store.due(1, resting: [], limit: 1).first)
        try await store.add(key(), name: "n", added: 2, due: 2)
        try await store.drop(old)
        let new = try #require(try await store.due(2, resting: [], limit: 1).first)
        #expect(new.added == 2 && new.due == 1)
        try await store.postpone(new, to: 9, problem: "x")
        #expect(try await store.due(9, resting: [], limit: 1).first?.failures == 1)
        try await store.drop(new)
        #expect(try await store.figures().tasks == 0)
        await store.close()
    }

    @Test func `follows names to other back ends`() async throws {
        let directory = try TemporaryDirectory()
        let store = try await WriteBackStore.open(directory.path("db"))
        try await store.add(key(digest, "old"), name: "n", added: 1, due: 1)
        try await store.add(key(digest, "new"), name: "n", added: 1, due: 1)
        try await store.add(key(other, "old"), name: "m", added: 1, due: 1)
        try await store.choose { $0 == "n" ? "new" : nil }
        let keys = try await store.due(1, resting: [], limit: 9).map(\.key)
        #expect(Set(keys) == [key(digest, "new"), key(other, "old")] && keys.count == 2)
        await store.close()
    }

    @Test func `a task from before the clock was set back is due`() async throws {
        let directory = try TemporaryDirectory()
        let store = try await WriteBackStore.open(directory.path("db"))
        try await store.add(key(), name: "n", added: 1_000_000, due: 1_000_000)
        #expect(try await store.due(1, resting: [], limit: 9).count == 1)
        await store.close()
    }
}

@Suite struct `Write-back` {
    @Test func `brings a blob and its metainfo to the back end, and then forgets the task`() async throws {
        let directory = try TemporaryDirectory()
        try await withTestFS(directory.path("store")) { store in
            try await Host.with(store) { host in
                let bytes = randomBytes(1_000_000)
                let blob = try host.push(bytes)
                let empty = try host.push([])
                for digest in [blob, empty] {
                    try await host.cold.writeBack.add(digest, for: #require(Host.name))
                }
                try await wait(for: "an empty queue") { try await host.isDrained() }
                #expect(directory.read("store/\(blob.hex)") == bytes)
                #expect(directory.read("store/\(blob.hex).info") == (try host.node.directory.info(of: blob.sha256)))
                #expect(directory.read("store/\(empty.hex)") == [])
            }
        }
    }

    @Test func `does not send what the back end has, nor what is gone`() async throws {
        let store = FakeStore()
        try await Host.with(store) { host in
            let (there, gone) = (try host.push([1, 2, 3]), try host.push([4]))
            try host.forget(gone)
            store.state.withLock { $0.files[there.hex] = [1, 2, 3] }
            for digest in [there, gone] { try await host.cold.writeBack.add(digest, for: #require(Host.name)) }
            try await wait(for: "an empty queue") { try await host.isDrained() }
            #expect(store.state.withLock { $0.uploads } == 0)
        }
    }

    @Test func `sends a damaged blob when it is mended, and forgets it no sooner`() async throws {
        let store = FakeStore()
        var settings = quick
        settings.uploads = 1
        try await Host.with(store, settings) { host in
            let damaged = try host.push([UInt8](repeating: 1, count: 1_000))
            host.node.catalogue.setBad(damaged.sha256, [0])
            let other = try host.push([2])
            // One at a time: the damaged one had its turn when the other one is there.
            for digest in [damaged, other] { try await host.cold.writeBack.add(digest, for: #require(Host.name)) }
            try await wait(for: "other blob") { store.state.withLock { $0.files[other.hex] } != nil }
            #expect(store.state.withLock { $0.files[damaged.hex] } == nil)
            #expect(try await host.cold.writeBack.isWaiting(damaged))
            host.node.catalogue.setBad(damaged.sha256, [])
            try await wait(for: "an empty queue") { try await host.isDrained() }
            #expect(store.state.withLock { $0.files[damaged.hex]?.count } == 1_000)
        }
    }

    @Test func `sends a blob that is on the disk alone, and makes its torrent for that`() async throws {
        let store = FakeStore()
        try await Host.with(store) { host in
            let (blob, empty) = (try host.push([1, 2, 3]), try host.push([]))
            for digest in [blob, empty] { host.node.catalogue.remove(digest.sha256) }
            try FileManager.default.removeItem(atPath: host.node.directory.infoPath(of: blob.sha256))
            for digest in [blob, empty] { try await host.cold.writeBack.add(digest, for: #require(Host.name)) }
            try await wait(for: "an empty queue") { try await host.isDrained() }
            #expect(store.state.withLock { $0.files[blob.hex] } == [1, 2, 3])
            #expect(store.state.withLock { $0.files[empty.hex] } == [])
            #expect(store.state.withLock { $0.files[blob.hex + ".info"] } != nil)
            #expect(host.node.catalogue.entry(of: blob.sha256) != nil)
        }
    }

    @Test func `outlives a back end that is down`() async throws {
        let directory = try TemporaryDirectory()
        let port = try FreePort.find()
        let store = TestFSStore(try #require(HTTPURL("http://127.0.0.1:\(port)")))
        try await Host.with(store) { host in
            var blobs: [BlobDigest] = []
            for number in 0..<20 {
                blobs.append(try host.push([UInt8(number)]))
                try await host.cold.writeBack.add(blobs[number], for: #require(Host.name))
            }
            #expect(try await host.cold.writeBack.figures().tasks == 20)
            try await withTestFS(directory.path("store"), port: port) { _ in
                try await wait(for: "an empty queue") { try await host.isDrained() }
            }
            for (number, blob) in blobs.enumerated() {
                #expect(directory.read("store/\(blob.hex)") == [UInt8(number)])
            }
        }
    }

    @Test func `a blob that the back end never takes holds up no other`() async throws {
        let store = FakeStore()
        try await Host.with(store) { host in
            let bad = try host.push([9, 9, 9])
            store.state.withLock { $0.refused = bad.hex }
            try await host.cold.writeBack.add(bad, for: #require(Host.name))
            try await wait(for: "its refusal") { store.state.withLock { $0.refusals > 2 } }
            var blobs: [BlobDigest] = []
            for number in 0..<20 {
                blobs.append(try host.push([UInt8(number)]))
                try await host.cold.writeBack.add(blobs[number], for: #require(Host.name))
            }
            try await wait(for: "the others") {
                store.state.withLock { state in blobs.allSatisfy { state.files[$0.hex] != nil } }
            }
            try await wait(for: "their tasks' end") { try await host.cold.writeBack.figures().tasks == 1 }
            store.state.withLock { $0.refused = nil }
            try await wait(for: "an empty queue") { try await host.isDrained() }
        }
    }

    @Test func `goes on after a restart`() async throws {
        let (store, directory) = (FakeStore(), try TemporaryDirectory())
        store.state.withLock { $0.isDown = true }
        var blob: BlobDigest?
        try await Host.with(store, in: directory) { host in
            let pushed = try host.push([1, 2, 3])
            blob = pushed
            try await host.cold.writeBack.add(pushed, for: #require(Host.name))
        }
        store.state.withLock { $0.isDown = false }
        try await Host.with(store, in: directory) { host in
            try await wait(for: "an empty queue") { try await host.isDrained() }
        }
        #expect(store.state.withLock { $0.files[blob?.hex ?? ""] } == [1, 2, 3])
    }
}
