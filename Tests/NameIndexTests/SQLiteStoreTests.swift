import Database
import GRDB
import NameIndex
import Registry
import TestSupport
import Testing

@Suite struct `A store in SQLite` {
    private func open(_ directory: TemporaryDirectory, _ file: String = "index.db") async throws -> SQLiteTagStore {
        try await SQLiteTagStore.open(directory.path(file), rules: try TagRules())
    }

    @Test func `does what every store must do`() async throws {
        let directory = try TemporaryDirectory(inMemory: true)
        try await TagStoreContract {
            try await open(directory, "\(UInt64.random(in: 0 ... .max)).db")
        }.check()
        try await ReplicationContract { remotes in
            try await SQLiteTagStore.open(
                directory.path("\(UInt64.random(in: 0 ... .max)).db"), rules: try TagRules(), remotes: remotes)
        }.check()
    }

    @Test func `what was on its way to other registries when it was closed is due at once`() async throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let remotes = try Remotes([("http://other", [".*"])])
        func open() async throws -> SQLiteTagStore {
            try await SQLiteTagStore.open(directory.path("index.db"), rules: try TagRules(), remotes: remotes)
        }
        let first = try await open()
        _ = try await first.put(
            tag("1"), of: name("app"), digest: blob("a"), linking: true, expecting: .anything, by: act())
        let cluster = try await first.cluster()
        _ = try await first.put(
            tag("2"), of: name("app"), digest: blob("a"), linking: true, expecting: .anything, by: act())
        for task in try await first.replications(of: tag("2"), of: name("app")) {
            try await first.postponeReplication(task, to: 1_500, failures: 2, problem: "silent")
        }
        #expect(try await first.takeReplications(to: "http://other", now: 2_000, lease: 9_000, limit: 9).count == 2)
        await first.close()
        let second = try await open()
        #expect(try await second.cluster() == cluster)
        #expect(try await second.takeReplications(to: "http://other", now: 2_000, lease: 9_000, limit: 9) == [])
        try await second.releaseReplications(now: 2_000)
        // The one that had failed before it was taken, too.
        let released = try await second.takeReplications(to: "http://other", now: 2_000, lease: 9_000, limit: 9)
        #expect(Set(released.map(\.failures)) == [0, 2])
        await second.close()
    }

    @Test func `has everything after it was closed`() async throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let first = try await open(directory)
        _ = try await first.put(
            tag("1"), of: name("app"), digest: blob("a"), linking: true, expecting: .anything, by: act())
        await first.close()
        let second = try await open(directory)
        #expect(try await second.record(of: tag("1"), of: name("app"))?.digest == blob("a"))
        let taken = try await second.put(
            tag("1"), of: name("app"), digest: blob("b"), linking: true, expecting: .anything, by: act())
        #expect(taken == .taken(blob("a")))
        await second.close()
    }

    /// What a killed process leaves are its files as they are: nothing is closed, nothing more is written.
    @Test func `has what was said to be put when the process dies at that moment`() async throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let store = try await open(directory)
        for number in 0..<10 {
            _ = try await store.put(
                tag("\(number)"), of: name("app"), digest: blob("a"), linking: true, expecting: .anything, by: act())
            let left = try TemporaryDirectory(inMemory: true)
            for file in ["index.db", "index.db-wal"] { try left.write(file, directory.read(file) ?? []) }
            let next = try await open(left)
            #expect(try await next.tags(of: name("app"), after: nil, limit: 99).count == number + 1)
            #expect(try await next.history(of: name("app"), tag: nil, before: nil, limit: 99).count == number + 1)
            await next.close()
        }
        await store.close()
    }

    @Test func `says so when it is closed`() async throws {
        let store = try await open(TemporaryDirectory(inMemory: true))
        await store.close()
        await #expect(throws: TagStoreError.unavailable("the database is closed")) {
            _ = try await store.exists(name("app"))
        }
    }

    @Test func `takes over what the first index of this program had`() async throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let first = try await DatabaseFile.open(directory.path("index.db"), migrations: [EarlierSchema.migration])
        let image = try manifest(["a"], subject: blob("s"))
        try await first.write { connection in
            func run(_ sql: StaticString, _ arguments: StatementArguments) throws {
                _ = try connection.run(sql, arguments)
            }
            func bytes(_ digest: BlobDigest) -> SQLBytes { SQLBytes(digest.stored) }
            let link: StaticString = "INSERT INTO link VALUES ('app', ?, ?)"
            for text in ["config", "a"] { try run(link, [bytes(blob(text)), false]) }
            try run(link, [bytes(image.digest), true])
            try run(
                "INSERT INTO manifest VALUES (?, ?, ?)",
                [bytes(image.digest), image.mediaType, SQLBytes(image.bytes)])
            try run("INSERT INTO tag VALUES ('app', 'latest', ?, 2.5)", [bytes(image.digest)])
            let history: StaticString = "INSERT INTO history VALUES (NULL, 'app', ?, ?, ?, 'who', '192.0.2.1')"
            try run(history, ["1", bytes(blob("b")), 1])
            try run(history, ["1", nil, 2])
            try run(history, ["latest", bytes(image.digest), 2.5])
        }
        await first.close()
        let store = try await open(directory)
        let app = name("app")
        #expect(
            try await store.record(of: .latest, of: app) == TagRecord(tag: .latest, digest: image.digest, at: 2500))
        guard case .manifest(let stored)? = try await store.resolve(Reference(name: app, version: .tag(.latest)))
        else { return #expect(Bool(false), "no manifest") }
        #expect(stored.bytes == image.bytes && stored.subject == blob("s"))
        #expect(try await store.linked(["config", "a", "b"].map(blob), to: app) == Set(["config", "a"].map(blob)))
        let history = try await store.history(of: app, tag: nil, before: nil, limit: 9)
        #expect(history.map(\.act.at) == [2500, 2000, 1000])
        #expect(history.map(\.digest) == [image.digest, blob("b"), blob("b")])
        #expect(history.map(\.isDeletion) == [false, true, false])
        // A deleted tag comes back as it was.
        let other = try await store.put(
            tag("1"), of: app, digest: blob("a"), linking: false, expecting: .anything, by: act())
        #expect(other == .taken(blob("b")))
        await store.close()
        // Once.
        let again = try await open(directory)
        #expect(try await again.counts() == StoreCounts(names: 1, tags: 1, manifests: 1))
        await again.close()
    }
}
