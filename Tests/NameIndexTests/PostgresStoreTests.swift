import Glibc
import NameIndex
import Registry
import Synchronization
import TestSupport
import Testing

@Suite(.serialized) struct `A store in PostgreSQL` {
    private func open(_ url: String, remotes: Remotes = .none) async throws -> PostgresTagStore {
        try await PostgresTagStore.open(url, rules: try TagRules(), remotes: remotes)
    }

    private func put(_ store: any TagStore, _ text: String, _ content: String = "a") async throws -> TagPutOutcome {
        try await store.put(
            tag(text), of: name("app"), digest: blob(content), linking: true, expecting: .anything, by: act())
    }

    @Test func `does what every store must do`() async throws {
        let server = try await PostgresServer.start()
        try await TagStoreContract { try await open(try await server.database()) }.check()
        try await ReplicationContract { try await open(try await server.database(), remotes: $0) }.check()
    }

    @Test func `is shared by any number of indexes, which may start at once`() async throws {
        let server = try await PostgresServer.start()
        let url = try await server.database()
        let stores = try await withThrowingTaskGroup(of: PostgresTagStore.self) { group in
            for _ in 0..<4 { group.addTask { try await open(url) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let outcomes = try await withThrowingTaskGroup(of: TagPutOutcome.self) { group in
            for number in 0..<32 {
                let store = stores[number % 4]
                group.addTask { try await put(store, "1", number / 4 % 2 == 0 ? "a" : "b") }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.filter { $0 == .put }.count == 1)
        #expect(outcomes.filter { $0 == .same }.count == 15)
        for store in stores { await store.close() }
    }

    @Test func `a blob or manifest is touched before or after a collection, never while one takes what it found`()
        async throws
    {
        let server = try await PostgresServer.start()
        let url = try await server.database()
        let store = try await open(url)
        try await store.link([blob("a")], to: name("app"), at: 1)
        // A collection that has found its garbage and has not taken it yet.
        let collection = try ServerProcess(
            "psql",
            [
                "-q", url, "-c",
                "BEGIN; SELECT pg_advisory_xact_lock(\(0x5377_6f6f_7000_0000 as Int64) + id) FROM names;"
                    + "SELECT pg_sleep(60)",
            ])
        defer { collection.kill() }
        func count(_ condition: String) async throws -> Int {
            let asked = try await Command.ending([
                "psql", "-At", url, "-c", "SELECT count(*) FROM pg_stat_activity WHERE \(condition)",
            ])
            return asked.output.split(separator: "\n").first.flatMap { Int($0) } ?? 0
        }
        try await wait(20, for: "a collection") { try await count("wait_event = 'PgSleep'") == 1 }
        let isTouched = Mutex(false)
        let touch = Task {
            try await store.touch([blob("a")], of: name("app"), at: 50_000_000)
            isTouched.withLock { $0 = true }
        }
        try await wait(20, for: "a touch that waits or is done") {
            try await count("wait_event = 'advisory'") == 1 || isTouched.withLock { $0 }
        }
        let wasEarly = isTouched.withLock { $0 }
        #expect(!wasEarly)
        _ = try await Command.ending([
            "psql", "-q", url, "-c",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
        ])
        try await touch.value
        #expect(try await store.collect(untouchedSince: 40_000_000, dryRun: false) == Collected())
        await store.close()
    }

    @Test func `tells each index what others put, whichever was committed first`() async throws {
        let server = try await PostgresServer.start()
        let url = try await server.database()
        let (first, second) = (try await open(url), try await open(url))
        #expect(try await second.lastEvent() == 0)
        var cursor = EventCursor(after: 0)
        var heard: [String] = []
        func listen() async throws {
            for wanted in cursor.wanted(now: 0) {
                let found = try await second.events(wanted, limit: 100)
                let new = cursor.saw(found.map(\.id), now: 0)
                heard += found.filter { new.contains($0.id) }.map { "\($0.name):\($0.tag) \($0.digest == nil)" }
            }
        }
        _ = try await put(first, "1")
        try await listen()
        _ = try await first.delete(tag("1"), of: name("app"), expecting: .anything, by: act())
        // Two ids of which the greater one is there first, and one that never comes.
        let psql = ["psql", "-q", url, "-c"]
        let late = try ServerProcess(
            "psql",
            [
                "-q", url, "-c",
                """
                BEGIN; INSERT INTO events (name_id, tag, digest, who, address, at)
                SELECT id, 'late', '\\x\(blob("a").sha256.hex)', '', '', 1 FROM names; SELECT pg_sleep(2); COMMIT;
                """,
            ])
        try await wait(20, for: "a transaction that waits") {
            let asked = try await Command.ending([
                "psql", "-At", url, "-c",
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'BEGIN; INSERT%' AND wait_event = 'PgSleep'",
            ])
            return asked.output.hasPrefix("1")
        }
        _ = try await Command.ending(psql + ["BEGIN; SELECT nextval('events_id_seq'); ROLLBACK;"])
        _ = try await put(second, "2")
        try await listen()
        #expect(heard == ["app:1 false", "app:1 true", "app:2 false"])
        try await wait(20, for: "the late one") {
            try await listen()
            return heard.count > 3
        }
        #expect(heard.last == "app:late false")
        try await listen()
        #expect(heard.count == 4)
        late.kill()
        await first.close()
        await second.close()
    }

    @Test func `goes on at once when the server was started again`() async throws {
        let server = try await PostgresServer.start()
        let store = try await open(try await server.database())
        // All connections are made.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<64 { group.addTask { _ = try await put(store, "\(number)") } }
            try await group.waitForAll()
        }
        try await server.stop()
        await #expect(throws: TagStoreError.self) { try await put(store, "down") }
        try await server.restart()
        try await wait(5, for: "the store") { (try? await store.exists(name("app"))) != nil }
        for number in 0..<64 { #expect(try await put(store, "\(number)") == .same) }
        // Connections of which nobody knows yet that they are gone: not one change fails.
        try await server.stop()
        try await server.restart()
        for number in 0..<32 { #expect(try await put(store, "again\(number)") == .put) }
        await store.close()
    }

    @Test func `comes up before its server, and fails meanwhile without a wait`() async throws {
        let server = try await PostgresServer.start()
        let url = try await server.database()
        try await server.stop()
        let store = try await open(url)
        let clock = ContinuousClock()
        let began = clock.now
        for _ in 0..<100 { await #expect(throws: TagStoreError.self) { try await store.exists(name("app")) } }
        #expect(clock.now - began < .seconds(5))
        try await server.restart()
        try await wait(5, for: "the store") { (try? await put(store, "1")) == .put }
        await store.close()
    }

    @Test func `a server that stands still is an error before long`() async throws {
        let server = try await PostgresServer.start()
        let store = try await open(try await server.database())
        #expect(try await put(store, "1") == .put)
        server.freeze(true)
        defer { server.freeze(false) }
        let clock = ContinuousClock()
        let began = clock.now
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<100 {
                group.addTask { await #expect(throws: TagStoreError.self) { try await store.exists(name("app")) } }
            }
        }
        #expect(clock.now - began < .seconds(30))
        server.freeze(false)
        try await wait(10, for: "the store") { (try? await store.exists(name("app"))) == true }
        await store.close()
    }

    @Test func `what is no address is an error at the start`() async throws {
        await #expect(throws: TagStoreError.self) { _ = try await open("postgresql://127.0.0.1:x/y") }
    }
}
