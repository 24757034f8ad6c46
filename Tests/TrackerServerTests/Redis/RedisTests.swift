import Address
import Glibc
import Logging
import TestSupport
import Testing
import Threads
import TrackerRedis
import TrackerServer
import Tracking

@Suite(.serialized, .timeLimit(.minutes(2))) struct RedisTests {
    /// Trackers that share a store, stopped at the end of `body`.
    private func withTrackers(
        _ count: Int, _ store: UInt16, _ change: (inout TrackerConfiguration) -> Void = { $0.interval = 30 },
        _ body: ([PeerAddress]) async throws -> Void
    ) async throws {
        let loopback = PeerAddress(ipv4: 0x7f00_0001, port: 0)
        var configuration = TrackerConfiguration(http: [loopback], udp: [loopback])
        change(&configuration)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let address = try #require(RedisAddress("127.0.0.1:\(store)"))
        var servers: [TrackerServer] = []
        for _ in 0..<count {
            servers.append(
                try TrackerServer(configuration: configuration, logger: logger) { [logger] in
                    RedisPeers(address, poller: $0, logger: logger)
                })
        }
        for server in servers { server.start() }
        let result: Result<Void, any Error>
        do { result = .success(try await body(servers.map { $0.boundAddresses.http[0] })) } catch {
            result = .failure(error)
        }
        for server in servers { await server.stop() }
        try result.get()
    }

    /// The ports that a tracker names, and the milliseconds that it took.
    private func announce(_ tracker: PeerAddress, port: Int, left: Int = 1, _ more: String = "") throws -> (
        Set<UInt16>, Int64
    ) {
        let start = Clocks.steadyMilliseconds
        let answer = body(try get(tracker, target(port: port, left: left, more)))
        let took = Clocks.steadyMilliseconds - start
        let mark = try #require(answer.firstRange(of: "5:peers"), "\(answer)")
        let client = try Client(.http, tracker)
        client.send(
            "GET \(target(port: port, left: left, more)) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        _ = mark
        var raw: [UInt8] = []
        while let bytes = client.receive(), !bytes.isEmpty { raw += bytes }
        return (Self.ports(raw), took)
    }

    private static func ports(_ answer: [UInt8]) -> Set<UInt16> {
        let mark = Array("5:peers".utf8)
        guard let start = answer.indices.first(where: { answer[$0...].starts(with: mark) }) else { return [] }
        var position = start + mark.count
        var length = 0
        while position < answer.count, answer[position] != 0x3a {
            length = length * 10 + Int(answer[position]) - 0x30
            position += 1
        }
        let peers = answer[min(position + 1, answer.count)...].prefix(length)
        return Set(
            (PeerAddress.list(compact: Array(peers), family: .ipv4) ?? []).map(\.port))
    }

    private func isUp(_ tracker: PeerAddress) throws -> Bool {
        try get(tracker, "/readyz").hasSuffix("ok\n")
    }

    private func waitUntilUp(_ trackers: [PeerAddress], seconds: Double = 10) async throws {
        for tracker in trackers { try await wait(seconds, for: "a store that answers") { try isUp(tracker) } }
    }

    @Test(arguments: RedisServer.programs) func `A tracker with a shared store keeps the contract of stores`(
        program: String
    ) async throws {
        let server = try await RedisServer(program)
        defer { server.kill() }
        try PeerStoreContract(make: { try RedisStore(server, lifetime: $0) }, remembersSwarms: true).check()
    }

    @Test(arguments: RedisServer.programs) func `What one tracker hears the other tells`(program: String) async throws {
        let server = try await RedisServer(program)
        defer { server.kill() }
        try await withTrackers(2, server.port) { trackers in
            try await waitUntilUp(trackers)
            #expect(try announce(trackers[0], port: 1).0 == [])
            #expect(try announce(trackers[1], port: 2, left: 0).0 == [1])
            #expect(try announce(trackers[0], port: 3).0 == [1, 2])
            #expect(try get(trackers[0], target(port: 3)).contains("8:completei1e"))
            _ = try announce(trackers[1], port: 1, "&event=stopped")
            #expect(try announce(trackers[1], port: 4).0 == [2, 3])
            let members = try server.send("ZRANGE swoop:{0102030405060708090a0b0c0d0e0f1011121314}:whole 0 -1")
            #expect(members.contains("$6\r\n"))
            #expect(try get(trackers[0], "/metrics").contains("swoop_tracker_store_up 1"))
        }
    }

    @Test(arguments: RedisServer.programs) func `A scrape counts what all trackers heard, over both protocols`(
        program: String
    ) async throws {
        let server = try await RedisServer(program)
        try await withTrackers(2, server.port) { trackers in
            try await waitUntilUp(trackers)
            _ = try announce(trackers[0], port: 1)
            _ = try announce(trackers[0], port: 2, left: 0)
            _ = try announce(trackers[1], port: 3, left: 0)
            let hash = "info_hash=\(hashText)"
            let unknown = "info_hash=" + String(repeating: "z", count: 20)
            for tracker in trackers {
                let answer = body(try get(tracker, "/scrape?\(unknown)&\(hash)"))
                #expect(answer.contains("8:completei2e") && answer.contains("10:incompletei1e"), "\(answer)")
                // Of a swarm that nobody announced to, zeros.
                #expect(answer.ranges(of: "8:completei0e").count == 1, "\(answer)")
                let client = try Client(.udp, tracker)
                client.send([0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0, 0, 0, 0, 9])
                let greeting = try #require(client.receive())
                let keys = [UInt8](repeating: 0x7a, count: 20) + Array(1...20)
                client.send(Array(greeting[8..<16]) + [0, 0, 0, 2, 0, 0, 0, 7] + keys)
                let reply = try #require(client.receive())
                #expect(reply.count == 32 && reply[0..<8] == [0, 0, 0, 2, 0, 0, 0, 7])
                #expect(reply[8..<20].allSatisfy { $0 == 0 } && reply[23] == 2 && reply[31] == 1, "\(reply)")
            }
            // Each tells what it heard itself while the store is silent.
            server.kill()
            try await wait(5, for: "a word about the store") { try !isUp(trackers[1]) }
            let answer = body(try get(trackers[1], "/scrape?\(hash)"))
            #expect(answer.contains("8:completei1e") && answer.contains("10:incompletei0e"), "\(answer)")
        }
    }

    @Test func `Requests that come together are answered in their order`() async throws {
        let server = try await RedisServer()
        defer { server.kill() }
        try await withTrackers(1, server.port) { trackers in
            try await waitUntilUp(trackers)
            let client = try Client(.http, trackers[0])
            let one = "GET \(target(port: 1)) HTTP/1.1\r\nHost: localhost\r\n\r\n"
            let last = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            client.send(
                one + one.replacing("port=1", with: "port=2") + one.replacing("info_hash=%01", with: "info_hash=")
                    + last)
            let all = client.receiveAll()
            #expect(all.ranges(of: "8:intervali").count == 2)
            #expect(all.ranges(of: "failure reason").count == 1)
            #expect(all.hasSuffix("ok\n"))
        }
    }

    @Test func `Datagrams are answered as connections are`() async throws {
        let server = try await RedisServer()
        defer { server.kill() }
        try await withTrackers(2, server.port) { trackers in
            try await waitUntilUp(trackers)
            #expect(try announce(trackers[0], port: 7).0 == [])
            let client = try Client(.udp, trackers[1])
            client.send([0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0, 0, 0, 0, 9])
            let greeting = try #require(client.receive())
            var request = Array(greeting[8..<16]) + [0, 0, 0, 1, 0, 0, 0, 8]
            request += Array(1...20) + [UInt8](repeating: 65, count: 20) + [UInt8](repeating: 0, count: 16)
            request +=
                [0, 0, 0, 0, 0, 0, 0, 1] + [0, 0, 0, 0] + [0, 0, 0, 0] + [0, 0, 0, 1] + [255, 255, 255, 255] + [0, 8]
            client.send(request)
            let reply = try #require(client.receive())
            #expect(reply.count == 26 && reply[0..<8] == [0, 0, 0, 1, 0, 0, 0, 8])
            #expect(reply.suffix(2) == [0, 7])
        }
    }

    @Test func `Without a store at the start a tracker answers from memory, and shares when the store comes`()
        async throws
    {
        let port = try FreePort.find()
        try await withTrackers(2, port) { trackers in
            let (peers, took) = try announce(trackers[0], port: 1)
            #expect(peers == [] && took < 300)
            #expect(try announce(trackers[0], port: 2).0 == [1])
            #expect(try get(trackers[0], "/readyz").contains("degraded"))
            #expect(try get(trackers[0], "/metrics").contains("swoop_tracker_store_up 0"))
            let server = try await RedisServer(port: port)
            defer { server.kill() }
            try await waitUntilUp(trackers)
            // What was heard before is told now, although nobody announces again.
            try await wait(5, for: "the peers of the other tracker") {
                try announce(trackers[1], port: 9).0.isSuperset(of: [1, 2])
            }
        }
    }

    @Test func `A store that hangs, dies or is emptied delays no announce by more than 300 ms`() async throws {
        let server = try await RedisServer()
        try await withTrackers(2, server.port) { trackers in
            try await waitUntilUp(trackers)
            _ = try announce(trackers[0], port: 1)
            server.hang()
            for port in 2...20 {
                let (peers, took) = try announce(trackers[0], port: port)
                #expect(took < 300)
                #expect(peers.contains(1))
            }
            #expect(try get(trackers[0], "/readyz").contains("degraded"))
            server.goOn()
            try await waitUntilUp(trackers)
            try await wait(5, for: "the peers of the other tracker") {
                try announce(trackers[1], port: 30).0.contains(20)
            }

            try server.send("FLUSHALL")
            let (known, took) = try announce(trackers[0], port: 31)
            #expect(known.isSuperset(of: 1...20) && took < 300)
            // Nobody announces again to the first tracker, which tells what it heard by itself.
            try await wait(10, for: "the peers of the other tracker") {
                try announce(trackers[1], port: 32).0.isSuperset(of: 1...20)
            }

            server.kill()
            for port in 40...45 { #expect(try announce(trackers[0], port: port).1 < 300) }
            let another = try await RedisServer(port: server.port)
            defer { another.kill() }
            try await waitUntilUp(trackers)
            try await wait(5, for: "the peers of the other tracker") {
                try announce(trackers[1], port: 50).0.isSuperset(of: 40...45)
            }
        }
    }

    @Test func `A store that answers nonsense or an error is left alone`() async throws {
        for reply in ["HTTP/1.1 400 Bad Request\r\n\r\n", "-NOAUTH Authentication required.\r\n"] {
            let server = try TestListener()
            defer { server.shutDown() }
            server.serve { connection in
                _ = Loopback.receive(connection)
                Loopback.send(connection, Array(reply.utf8))
                _ = Loopback.receive(connection)
            }
            try await withTrackers(1, server.port) { trackers in
                try await wait(5, for: "a word about the store") {
                    try get(trackers[0], "/readyz").contains("degraded: 127.0.0.1")
                }
                #expect(try announce(trackers[0], port: 1).1 < 300)
            }
        }
    }
}
