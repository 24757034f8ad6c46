import Registry
import TestSupport
import Testing

@testable import NameIndex

@Suite struct `A store in SQLite` {
    private func open(_ directory: TemporaryDirectory, _ file: String = "index.db") async throws -> SQLiteTagStore {
        try await SQLiteTagStore.open(directory.path(file), rules: try TagRules())
    }

    @Test func `does what every store must do`() async throws {
        let directory = try TemporaryDirectory(inMemory: true)
        try await TagStoreContract {
            try await open(directory, "\(UInt64.random(in: 0 ... .max)).db")
        }.check()
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
}
