import Testing
import Text
import TrackerServer
import Tracking

@Suite struct UDPTests {
    private func bigEndian(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) }
    }
    private func bigEndian(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }

    private func connectionID(_ client: Client) throws -> [UInt8] {
        client.send(bigEndian(UDPRequest.protocolID) + bigEndian(UInt32(0)) + [1, 2, 3, 4])
        let answer = try #require(client.receive())
        #expect(answer.count == 16)
        #expect(Array(answer.prefix(8)) == [0, 0, 0, 0, 1, 2, 3, 4])
        return Array(answer.suffix(8))
    }

    private func announce(
        _ id: [UInt8], port: UInt16, left: UInt64 = 1, event: UInt32 = 2, wanted: UInt32 = .max, address: UInt32 = 0,
        options: [UInt8] = []
    ) -> [UInt8] {
        id + bigEndian(UInt32(1)) + [9, 9, 9, 9] + Array(1...20) + Array("-SW0001-abcdefghijkl".utf8)
            + bigEndian(UInt64(0))
            + bigEndian(left) + bigEndian(UInt64(0)) + bigEndian(event) + bigEndian(address) + bigEndian(UInt32(0))
            + bigEndian(wanted) + [UInt8(port >> 8), UInt8(port & 255)] + options
    }

    @Test func `announces and scrapes are answered`() async throws {
        try await withTracker { server, _ in
            let client = try Client(.udp, server.boundAddresses.udp[0])
            let id = try connectionID(client)
            client.send(announce(id, port: 0x4141, left: 0))
            let first = try #require(client.receive())
            #expect(first.count == 20)
            #expect(Array(first.prefix(8)) == [0, 0, 0, 1, 9, 9, 9, 9])
            client.send(announce(id, port: 0x4242))
            let second = try #require(client.receive())
            #expect(Array(second.suffix(14)) == [0, 0, 0, 1, 0, 0, 0, 1, 127, 0, 0, 1, 0x41, 0x41].suffix(14))
            client.send(id + bigEndian(UInt32(2)) + [5, 5, 5, 5] + Array(1...20) + [UInt8](repeating: 9, count: 20))
            #expect(
                client.receive()
                    == [0, 0, 0, 2, 5, 5, 5, 5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1] + [UInt8](repeating: 0, count: 12))
        }
    }

    @Test func `HTTP and UDP share one port and their peers`() async throws {
        try await withTracker { server, http in
            #expect(server.boundAddresses.udp[0].port == http.port)
            let client = try Client(.udp, server.boundAddresses.udp[0])
            client.send(announce(try connectionID(client), port: 0x4141))
            _ = client.receive()
            #expect(try body(get(http, target(port: 2))).contains("5:peers6:\u{7f}\0\0\u{1}AA"))
        }
    }

    @Test func `no reply is longer than its request without an ID`() async throws {
        try await withTracker { server, _ in
            for port in 1...100 { _ = try get(server.boundAddresses.http[0], target(port: port)) }
            let client = try Client(.udp, server.boundAddresses.udp[0])
            let wrong = [UInt8](repeating: 7, count: 8)
            let scrape = wrong + bigEndian(UInt32(2)) + [5, 5, 5, 5] + Array(1...20)
            for request in [announce(wrong, port: 1, wanted: 200), scrape] {
                client.send(request)
                let answer = try #require(client.receive())
                #expect(answer.count <= request.count)
                #expect(answer[3] == 3)
            }
            #expect(await server.snapshot()?.totals.peers == 100)
        }
    }

    @Test func `an ID of another address is not taken`() async throws {
        try await withTracker { server, _ in
            let client = try Client(.udp, server.boundAddresses.udp[0])
            let id = ConnectionIDs().issue(high: 0, low: 0x7f00_0001, now: 3700)
            client.send(announce(bigEndian(id), port: 1))
            #expect(client.receive()?[3] == 3)
        }
    }

    @Test func `malformed datagrams get no answer`() async throws {
        try await withTracker { server, _ in
            let client = try Client(.udp, server.boundAddresses.udp[0])
            let id = try connectionID(client)
            let whole = announce(id, port: 1)
            var generator = SeededGenerator(seed: 5)
            for length in 0..<98 { client.send(Array(whole.prefix(length))) }
            for _ in 0..<200 {
                client.send(
                    (0..<Int.random(in: 0..<1400, using: &generator)).map { _ in .random(in: 0...255, using: &generator)
                    })
            }
            client.send(whole + [2, 200, 1])
            client.send([UInt8](repeating: 0, count: 4000))
            // The next answer is the one to this.
            client.send(id + bigEndian(UInt32(2)) + [6, 6, 6, 6] + Array(1...20))
            #expect(client.receive().map { Array($0.prefix(8)) } == [0, 0, 0, 2, 6, 6, 6, 6])
        }
    }

    @Test func `answers are capped in peers and hashes`() async throws {
        try await withTracker { server, http in
            for port in 1...300 { _ = try get(http, target(port: port)) }
            let client = try Client(.udp, server.boundAddresses.udp[0])
            let id = try connectionID(client)
            client.send(announce(id, port: 999, wanted: 0x7fff_ffff))
            #expect(client.receive()?.count == 20 + 200 * 6)
            client.send(announce(id, port: 999))
            #expect(client.receive()?.count == 20 + 50 * 6)
            client.send(id + bigEndian(UInt32(2)) + [6, 6, 6, 6] + [UInt8](repeating: 1, count: 20 * 80))
            #expect(client.receive()?.count == 8 + 74 * 12)
        }
    }

    @Test func `URL data may say unreachable`() async throws {
        try await withTracker { server, _ in
            let client = try Client(.udp, server.boundAddresses.udp[0])
            let id = try connectionID(client)
            let url = Array("/announce?unreachable=1".utf8)
            client.send(announce(id, port: 1, options: [2, UInt8(url.count)] + url))
            _ = client.receive()
            #expect(await server.snapshot()?.totals.unreachablePeers == 1)
        }
    }

    @Test func `not allowed is an error`() async throws {
        try await withTracker({ $0.allow = [] }) { server, _ in
            let client = try Client(.udp, server.boundAddresses.udp[0])
            client.send(announce(try connectionID(client), port: 1))
            let answer = try #require(client.receive())
            #expect(String(decoding: answer.dropFirst(8), as: UTF8.self) == "torrent is not on this tracker")
        }
    }
}
