import Backends
import ColdStore
import Hashing
import Registry
import TestSupport
import Testing

private let digest = BlobDigest(SHA256.digest([1]))

@Suite struct `The table of cold reads` {
    @Test func `lets one caller read and the others join, whatever their names`() {
        var table = ColdReadTable()
        #expect(table.ask(digest, label: "a", now: 0) == .start)
        #expect(table.ask(digest, label: "b", now: 0) == .join(label: "a", .fetching(done: 0, total: nil)))
        table.sized(digest, total: 10)
        table.advanced(digest, by: 4)
        #expect(table.ask(digest, label: "a", now: 0) == .join(label: "a", .fetching(done: 4, total: 10)))
        table.ended(digest, nil, now: 1)
        #expect(table.ask(digest, label: "a", now: 1) == .start)
    }

    @Test func `remembers a failure for longer each time`() {
        var table = ColdReadTable()
        let problem = BackendProblem(.wrong, "x")
        var now = 0.0
        for pause in [1.0, 2, 4, 8] {
            #expect(table.ask(digest, label: "a", now: now) == .start)
            #expect(table.ended(digest, problem, now: now) == pause)
            #expect(table.ask(digest, label: "a", now: now + pause / 2) == .answer(.failed(problem, again: pause / 2)))
            now += pause
        }
        #expect(table.ask(digest, label: "a", now: now) == .start)
        table.ended(digest, nil, now: now)
        #expect(table.ask(digest, label: "a", now: now) == .start)
        #expect(table.ended(digest, problem, now: now) == 1)
    }
}

@Suite struct `A cold read` {
    @Test func `brings back what was written`() async throws {
        let directory = try TemporaryDirectory()
        try await withTestFS(directory.path("store")) { store in
            try await Host.with(store) { host in
                for bytes in [randomBytes(2_000_000), [7], []] {
                    let blob = try host.push(bytes)
                    let info = try host.node.directory.info(of: blob.sha256)
                    try await host.cold.writeBack.add(blob, for: #require(Host.name))
                    try await wait(for: "an empty queue") { try await host.isDrained() }
                    try host.forget(blob)
                    #expect(try await host.answer(blob) == .here)
                    #expect(try host.content(blob) == bytes)
                    #expect(try host.node.directory.info(of: blob.sha256) == info)
                    #expect(host.node.catalogue.entry(of: blob.sha256)?.size == Int64(bytes.count))
                }
            }
        }
    }

    @Test func `is one, however many ask; who does not wait hears how far it is`() async throws {
        let store = FakeStore()
        let bytes = randomBytes(1_000_000)
        let blob = BlobDigest(SHA256.digest(bytes))
        store.state.withLock {
            $0.files[blob.hex] = bytes
            $0.isHeld = true
        }
        try await Host.with(store) { host in
            #expect(try await host.answer(blob, .size) == .fetching(done: 0, total: 1_000_000))
            #expect(try await host.answer(blob, .content, 0.05) == .fetching(done: 0, total: 1_000_000))
            try await withThrowingTaskGroup(of: ColdAnswer.self) { group in
                for _ in 0..<20 { group.addTask { try await host.answer(blob) } }
                group.addTask {
                    store.state.withLock { $0.isHeld = false }
                    return .here
                }
                for try await answer in group { #expect(answer == .here) }
            }
            #expect(try host.content(blob) == bytes)
            let reads = store.state.withLock { $0.reads }.sorted { $0.lowerBound < $1.lowerBound }
            #expect(reads == [0..<300_000, 300_000..<600_000, 600_000..<900_000, 900_000..<1_000_000])
        }
    }

    @Test func `goes on where a range broke off`() async throws {
        let store = FakeStore()
        let bytes = randomBytes(500_000)
        let blob = BlobDigest(SHA256.digest(bytes))
        store.state.withLock {
            $0.files[blob.hex] = bytes
            $0.breaks = 2
        }
        try await Host.with(store) { host in
            let answer = try await host.answer(blob)
            let content = try host.content(blob)
            #expect(answer == .here && content == bytes)
            #expect(store.state.withLock { $0.reads }.contains(150_000..<300_000))
        }
    }

    @Test func `refuses wrong bytes, and asks again after a while only`() async throws {
        let store = FakeStore()
        let bytes = randomBytes(700_000)
        let blob = BlobDigest(SHA256.digest(bytes))
        var forged = bytes
        forged[400_000] ^= 1
        store.state.withLock { [forged] in $0.files[blob.hex] = forged }
        var settings = quick
        settings.backoff = Backoff(first: 2, longest: 300)
        try await Host.with(store, settings) { host in
            for _ in 0..<2 {
                guard case .failed(let problem, _) = try await host.answer(blob) else {
                    Issue.record("it was taken")
                    return
                }
                #expect(problem.kind == .wrong)
            }
            #expect(store.state.withLock { $0.reads.count } == 3)
            #expect(host.node.catalogue.entry(of: blob.sha256) == nil)
            #expect(try host.content(blob) == nil && host.directory.names("data/cold").isEmpty)
            store.state.withLock { $0.files[blob.hex] = bytes }
            try await wait(for: "the right bytes") { try await host.answer(blob) == .here }
        }
    }

    @Test func `of what is nowhere, and of a back end that is down, ends`() async throws {
        let store = FakeStore()
        try await Host.with(store) { host in
            let first = try await host.answer(digest)
            #expect(first == .missing)
            store.state.withLock { $0.isDown = true }
            guard case .failed(let problem, _) = try await host.answer(digest) else {
                Issue.record("it did not fail")
                return
            }
            #expect(problem.kind == .unavailable)
        }
    }

    @Test func `of a back end that hangs holds up none of another`() async throws {
        let (hanging, other) = (FakeStore("hanging"), FakeStore("other"))
        let (first, second): ([UInt8], [UInt8]) = ([1], [2, 2])
        let (slow, quickly) = (BlobDigest(SHA256.digest(first)), BlobDigest(SHA256.digest(second)))
        hanging.state.withLock { state in
            state.files[slow.hex] = first
            state.isHeld = true
        }
        other.state.withLock { $0.files[quickly.hex] = second }
        var settings = quick
        settings.reads = 1
        try await Host.with(FakeStore()) { host in
            func rule(_ names: String, _ store: FakeStore) throws -> Backends.Rule {
                Backends.Rule(
                    names: try NamePatterns([names]), backend: Backend(store, names: BlobPaths(.identity)))
            }
            let cold = try await ColdStore.open(
                node: host.node, backends: Backends([try rule("slow/.*", hanging), try rule(".*", other)]),
                path: host.directory.path("data/other.db"), settings: settings, logger: quietLogger())
            try await cold.start()
            let name = try #require(ContentName("slow/app"))
            _ = await cold.reads.answer(for: slow, of: name, wish: .content, patience: 0)
            try await wait(for: "the read that hangs") { !hanging.state.withLock(\.reads).isEmpty }
            let answer = await cold.reads.answer(
                for: quickly, of: try #require(Host.name), wish: .content, patience: 10)
            #expect(answer == .here)
            hanging.state.withLock { $0.isHeld = false }
            await cold.stop()
        }
    }
}
