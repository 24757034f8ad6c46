import Address
import NIOCore
import Synchronization
import TestSupport
import Testing
import TrackerClient
import Tracking

/// A whole HTTP answer that ends with the connection kept open.
func answer(_ body: String, status: String = "200 OK", headers: String = "") -> RawServer.Step {
    .send("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
}

private let good = "d8:intervali900e5:peers6:\u{a}\u{1}\u{1}\u{1}\u{0}\u{50}e"

@Suite struct `A tracker over HTTP` {
    private func announce(
        _ server: RawServer, event: AnnounceEvent = .none, settings: TrackerClientSettings = TrackerClientSettings(),
        timeout: Double? = nil
    ) async throws -> AnnounceAnswer {
        try await withClient(settings) { client in
            try await client.announce(
                url: server.url(), request(.zero, peer: 1, port: 1, left: 1, event: event), timeout: timeout)
        }
    }

    private func failure(
        timeout: Double? = 5, event: AnnounceEvent = .none, _ script: @escaping RawServer.Script
    ) async throws -> TrackerClientError {
        try await RawServer.with(script) { server in
            do {
                _ = try await announce(server, event: event, timeout: timeout)
            } catch let error as TrackerClientError {
                return error
            }
            throw NoError()
        }
    }

    private struct NoError: Error {}

    @Test func `is asked with raw bytes as they are, without compression, under our name`() async throws {
        try await RawServer.with { _, _ in
            [answer(good)]
        } _: { server in
            let answer = try await announce(server)
            #expect(answer.peers.map(\.description) == ["10.1.1.1:80"])
            let head = try #require(server.requests.first)
            #expect(head.hasPrefix("GET /announce?info_hash=%00%00%00%00"))
            #expect(head.contains("&peer_id=%01%01"))
            #expect(head.lowercased().contains("host: 127.0.0.1:\(server.port)\r\n"))
            #expect(head.contains("User-Agent: Swoop/"))
            #expect(head.contains("Accept-Encoding: identity"))
        }
    }

    @Test func `that closed a kept connection is asked again`() async throws {
        try await RawServer.with { _, number in
            number == 1 ? [.close] : [answer(good)]
        } _: { server in
            try await withClient { client in
                for _ in 0..<2 {
                    _ = try await client.announce(url: server.url(), request(.zero, peer: 1, port: 1, left: 1))
                }
            }
            #expect(server.requests.count == 3)
        }
    }

    @Test func `that sends more than an answer may have is cut off`() async throws {
        let error = try await failure { _, _ in
            [.send("HTTP/1.1 200 OK\r\n\r\nd5:peers2000000:"), .bytes([UInt8](repeating: 0, count: 2_000_000)), .close]
        }
        guard case .unreachable(let text) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(text.contains("1048576"))
    }

    @Test func `that sends nonsense, nesting bombs or nothing fails`() async throws {
        for body in ["", "<html>", String(repeating: "l", count: 200_000), "d8:intervali60e", "i5e"] {
            guard case .answer(.malformed) = try await failure({ _, _ in [answer(body)] }) else {
                Issue.record("\(body.prefix(20)) was taken for an answer")
                return
            }
        }
    }

    @Test func `that answers with a status is an error that says which, and when to come back`() async throws {
        let busy = try await failure { _, _ in [answer("busy", status: "503 Busy", headers: "Retry-After: 70\r\n")] }
        #expect(busy == .status(503, host: "127.0.0.1", retryAfter: 70))
        #expect(busy.refusal == .after(70))
        #expect(try await failure { _, _ in [answer("", status: "404 No")] }.description.contains("404"))
        let refused = try await failure { _, _ in [answer("d14:failure reason2:noe", status: "403 No")] }
        #expect(refused == .answer(.refused(reason: "no", retry: .unsaid)))
    }

    @Test func `that says nothing is given up in time, sooner when we stop`() async throws {
        let start = NIODeadline.now()
        #expect(try await failure(timeout: 0.3) { _, _ in [.hang] } == .timedOut(host: "127.0.0.1"))
        #expect(try await failure(timeout: nil, event: .stopped) { _, _ in [.hang] } == .timedOut(host: "127.0.0.1"))
        #expect(NIODeadline.now() - start < .seconds(10))
    }

    @Test func `that sends a byte now and then is given up in time`() async throws {
        let start = NIODeadline.now()
        let drip = (0..<400).flatMap { _ in [RawServer.Step.send("x"), .pause(.milliseconds(50))] }
        let error = try await failure(timeout: 0.5) { _, _ in [.send("HTTP/1.1 200 OK\r\n\r\n")] + drip }
        #expect(error == .timedOut(host: "127.0.0.1"))
        #expect(NIODeadline.now() - start < .seconds(10))
    }

    @Test func `is followed through a few redirects, but not in a circle`() async throws {
        try await RawServer.with { head, number in
            number < 3 ? [answer("", status: "302 Found", headers: "Location: /again?\(number)\r\n")] : [answer(good)]
        } _: { server in
            let answer = try await announce(server)
            #expect(answer.peers.count == 1)
        }
        let loop = try await failure { _, _ in [answer("", status: "301 Moved", headers: "Location: /announce\r\n")] }
        guard case .unreachable(let text) = loop else {
            Issue.record("\(loop)")
            return
        }
        #expect(text.contains("loop"))
    }

    @Test func `that nobody is at fails at once`() async throws {
        let port = try FreePort.find()
        try await withClient { client in
            let error = await #expect(throws: TrackerClientError.self) {
                try await client.announce(
                    url: "http://127.0.0.1:\(port)/announce", request(.zero, peer: 1, port: 1, left: 1), timeout: 5)
            }
            guard case .unreachable = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func `hands out no port 0, no multicast, and not ourselves`() async throws {
        let peers: [UInt8] = [10, 0, 0, 1, 0, 0, 224, 0, 0, 1, 0, 80, 10, 0, 0, 2, 0, 80, 10, 0, 0, 3, 0, 80]
        try await RawServer.with { _, _ in
            [.send("HTTP/1.1 200 OK\r\nContent-Length: 36\r\n\r\nd5:peers24:"), .bytes(peers), .send("e")]
        } _: { server in
            let own = try #require(PeerAddress("10.0.0.2:80"))
            try await withClient { client in
                let answer = try await client.announce(
                    url: server.url(), request(.zero, peer: 1, port: 1, left: 1), filter: PeerAddressFilter(own: [own]))
                #expect(answer.peers.map(\.description) == ["10.0.0.3:80"])
            }
        }
    }

    @Test func `may name peers by host names, whose addresses are judged like all others`() async throws {
        let names = ["seed": "10.7.7.7", "inside": "127.0.0.1", "metadata": "169.254.169.254", "group": "224.0.0.1"]
        let entries = names.keys.sorted().map { "d2:ip\($0.utf8.count):\($0)4:porti80ee" }.joined()
        try await RawServer.with { _, _ in
            [answer("d5:peersl\(entries)ee")]
        } _: { server in
            var settings = TrackerClientSettings()
            settings.resolver = { host, port in
                try [SocketAddress(ipAddress: names[host] ?? host, port: Int(port))]
            }
            // The tracker is on loopback itself.
            let peers = try await announce(server, settings: settings).peers
            #expect(peers.map(\.description) == ["127.0.0.1:80", "10.7.7.7:80"])
        }
    }

    @Test func `waits a bounded time for names, and asks for one at a time`() async throws {
        let entries = (0..<10).map { "d2:ip5:peer\($0)4:porti80ee" }.joined()
        let asked = Mutex<[String]>([])
        try await RawServer.with { _, _ in
            [answer("d5:peersl\(entries)ee")]
        } _: { server in
            var settings = TrackerClientSettings()
            settings.namesTimeout = 0.2
            settings.resolver = { host, port in
                asked.withLock { $0.append(host) }
                if host == "peer1" { try await Task.sleep(for: .seconds(60)) }
                return [try SocketAddress(ipAddress: "10.0.0.1", port: Int(port))]
            }
            let start = NIODeadline.now()
            let peers = try await announce(server, settings: settings).peers
            #expect(peers.map(\.description) == ["10.0.0.1:80"])
            #expect(NIODeadline.now() - start < .seconds(10))
            #expect(asked.withLock { $0 } == ["peer0", "peer1"])
        }
    }

    @Test func `with a URL that is none of ours is refused`() async throws {
        try await withClient { client in
            for url in ["ftp://a/announce", "http://user@a/announce", "udp://a/announce", ""] {
                await #expect(throws: TrackerClientError.unsupportedURL) {
                    try await client.announce(url: url, request(.zero, peer: 1, port: 1, left: 1))
                }
            }
            await #expect(throws: TrackerClientError.cannotScrape) {
                try await client.scrape(url: "http://127.0.0.1:1/x", [.zero])
            }
        }
    }
}
