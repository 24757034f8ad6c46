import Database
import GRDB
import TestSupport
import Testing

@Suite struct `A database in a file` {
    private static let migrations = [Migration("1", sql: "CREATE TABLE numbers (n INTEGER PRIMARY KEY)")]

    private struct Refused: Error {}

    private func open(_ directory: TemporaryDirectory) async throws -> DatabaseFile {
        try await DatabaseFile.open(directory.path("test.db"), migrations: Self.migrations)
    }

    private func count(_ file: DatabaseFile) async throws -> Int {
        try await file.read { try $0.value("SELECT count(*) FROM numbers") ?? 0 }
    }

    @Test func `what was written is there after it was closed`() async throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let file = try await open(directory)
        try await file.write { _ = try $0.run("INSERT INTO numbers VALUES (1)") }
        await file.close()
        let again = try await open(directory)
        #expect(try await count(again) == 1)
        await again.close()
    }

    @Test func `commits are synced, beside a log`() async throws {
        let file = try await open(TemporaryDirectory(inMemory: true))
        #expect(try await file.write { try Int.fetchOne($0, sql: "PRAGMA synchronous") } == 2)
        #expect(try await file.write { try String.fetchOne($0, sql: "PRAGMA journal_mode") } == "wal")
        await file.close()
    }

    @Test func `writes that fail change nothing, and leave those beside them alone`() async throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let file = try await open(directory)
        let done = await withTaskGroup(of: Bool.self) { group in
            for n in 0..<200 {
                group.addTask {
                    do {
                        try await file.write { connection in
                            _ = try connection.run("INSERT INTO numbers VALUES (?)", [n])
                            if n % 3 == 0 { throw Refused() }
                        }
                        return true
                    } catch {
                        return false
                    }
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(done == 133)
        #expect(try await count(file) == 133)
        await file.close()
    }

    @Test func `a read sees each write that returned before it began`() async throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let file = try await open(directory)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for n in 0..<200 {
                group.addTask { () async throws in
                    try await file.write { _ = try $0.run("INSERT INTO numbers VALUES (?)", [n]) }
                    #expect(try await file.read { try $0.row("SELECT 1 FROM numbers WHERE n = ?", [n]) != nil })
                }
            }
            try await group.waitForAll()
        }
        await file.close()
    }

    @Test func `a read that takes long holds neither reads nor writes up`() async throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let file = try await open(directory)
        let (stream, tell) = AsyncStream.makeStream(of: Void.self)
        let long = Task {
            try await file.readAtLength { connection in
                tell.yield()
                // Until it is interrupted, about for ever.
                return try Int.fetchOne(
                    connection,
                    sql: """
                        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000)
                        SELECT count(*) FROM n
                        """)
            }
        }
        for await _ in stream { break }
        try await file.write { _ = try $0.run("INSERT INTO numbers VALUES (1)") }
        #expect(try await count(file) == 1)
        #expect(try await long.value == 3_000_000)
        await file.close()
    }

    @Test func `a file of a newer version is not touched`() async throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let path = directory.path("test.db")
        let newer = Self.migrations + [Migration("2", sql: "CREATE TABLE more (n)")]
        await (try DatabaseFile.open(path, migrations: newer)).close()
        do {
            _ = try await open(directory)
            Issue.record("it was opened")
        } catch let error as DatabaseFileError {
            #expect("\(error)" == "\(path) was made by a newer version of this program")
        }
    }

    @Test func `a file that is no database, and one that is closed, are errors`() async throws {
        let directory = try TemporaryDirectory(inMemory: true)
        try directory.write("test.db", [UInt8](repeating: 7, count: 5000))
        do {
            _ = try await open(directory)
            Issue.record("it was opened")
        } catch let error as DatabaseFileError {
            guard case .corrupt = error else { throw error }
        }
        let file = try await DatabaseFile.open(directory.path("good.db"), migrations: Self.migrations)
        await file.close()
        await #expect(throws: DatabaseFileError.self) { try await file.write { _ in } }
        await #expect(throws: DatabaseFileError.self) { try await file.read { _ in } }
    }
}
