import Fleet
import FleetStore
import TestSupport
import Testing

@Suite struct `A control's store in SQLite` {
    private func open(_ directory: TemporaryDirectory, _ file: String = "control.db") async throws -> ControlStore {
        ControlStore(try await SQLiteEngine(directory.path(file)))
    }

    @Test func `does what every store must do`() async throws {
        let directory = try TemporaryDirectory(inMemory: true)
        try await ControlStoreContract {
            try await open(directory, "\(UInt64.random(in: 0 ... .max)).db")
        }.check()
    }

    @Test func `has everything after it was closed, and in a copy`() async throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let first = try await open(directory)
        _ = try await first.add(token(), by: act())
        try await SQLiteEngine.copy(directory.path("control.db"), to: directory.path("copy.db"))
        await first.close()
        for file in ["control.db", "copy.db"] {
            let second = try await open(directory, file)
            #expect(try await second.token("0011223344556677") != nil)
            await second.close()
        }
    }

    @Test func `says that a file is damaged, and not that it may come back`() async throws {
        let directory = try TemporaryDirectory(inMemory: true)
        try directory.write("control.db", String(repeating: "this is no database ", count: 1000))
        await #expect {
            _ = try await open(directory)
        } throws: { error in
            guard case .damaged? = error as? StoreError else { return false }
            return true
        }
    }

    @Test func `passes on why a transaction was given up, and undoes it`() async throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let store = try await open(directory)
        await #expect(throws: StoreError.damaged("x")) {
            try await store.engine.write { session throws(StoreError) in
                try session.query("DELETE FROM counters")
                throw StoreError.damaged("x")
            }
        }
        await #expect {
            try await store.engine.write { session throws(StoreError) in try session.query("SELECT nothing FROM x") }
        } throws: { error in
            if case .damaged? = error as? StoreError { true } else { false }
        }
        #expect(try await store.lastChange() == 0)
        try await store.note("alarm", "n", [:], by: act())
        await store.close()
        await #expect {
            _ = try await store.nodes()
        } throws: { error in
            if case .unavailable? = error as? StoreError { true } else { false }
        }
    }
}

@Suite(.serialized) struct `A control's store in PostgreSQL` {
    @Test func `does what every store must do`() async throws {
        try await PostgresServer.using { server in
            try await ControlStoreContract {
                ControlStore(try await PostgresEngine(try await server.database()))
            }.check()
        }
    }

    @Test func `is shared by any number of controls, which may start at once`() async throws {
        try await PostgresServer.using { server in
            let url = try await server.database()
            let stores = try await withThrowingTaskGroup(of: ControlStore.self) { group in
                for _ in 0..<3 { group.addTask { ControlStore(try await PostgresEngine(url)) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            _ = try await stores[0].add(token(), by: act())
            let outcomes = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<60 {
                    let store = stores[number % 3]
                    group.addTask {
                        let outcome = try await store.join(
                            token: "0011223344556677", secret: .init("s"), node(number), certificate: "", at: now)
                        if case .joined = outcome { return true }
                        return false
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { $0 } == 1)
            for store in stores { await store.close() }
        }
    }

    @Test func `a server that is not there is an error, not a wait`() async throws {
        await #expect(throws: StoreError.self) { _ = try await PostgresEngine("postgresql://127.0.0.1:1/x") }
    }
}
