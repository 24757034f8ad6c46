import Address
import Admission
import Glibc
import TestSupport
import Testing
import TrackerServer
import Tracking

@Suite struct HTTPTests {
    @Test func `an announce is answered with the others`() async throws {
        try await withTracker { server, http in
            let first = try get(http, target(port: 1000, left: 0))
            #expect(first.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(first.contains("Connection: close\r\n"))
            #expect(body(first).contains("8:completei1e10:downloadedi0e10:incompletei0e8:intervali"))
            let second = try get(http, target(port: 0x4142))
            #expect(body(second).contains("5:peers6:\u{7f}\0\0\u{1}\u{3}"))
            let long = try get(http, target(port: 1002, "&compact=0"))
            #expect(long.contains("d2:ip9:127.0.0.17:peer id20:-SW0001-abcdefghijkl4:porti1000ee"))
            let short = try get(http, target(port: 1002, "&compact=0&no_peer_id=1"))
            #expect(short.contains("d2:ip9:127.0.0.14:porti1000ee"))
            #expect(try body(get(http, "/scrape?info_hash=\(hashText)")).contains("8:completei1e"))
        }
    }

    @Test func `intervals differ from answer to answer`() async throws {
        try await withTracker({ $0.interval = 1000 }) { _, http in
            var seen: Set<Int> = []
            for port in 1...40 {
                let text = try body(get(http, target(port: port)))
                let start = try #require(text.firstRange(of: "8:intervali")).upperBound
                seen.insert(try #require(Int(text[start...].prefix { $0.isNumber })))
            }
            #expect(seen.count > 10)
            #expect(seen.allSatisfy { (900...1100).contains($0) })
        }
    }

    @Test func `failures say why and whether to try again`() async throws {
        try await withTracker({ $0.allow = [] }) { _, http in
            let unknown = try body(get(http, target(port: 1)))
            #expect(unknown == "d14:failure reason30:torrent is not on this tracker8:retry ini10ee")
            let empty = try body(get(http, "/announce"))
            #expect(empty == "d14:failure reason20:info_hash is missing8:retry in5:nevere")
        }
    }

    @Test func `the allow list can be replaced`() async throws {
        let swarm = try #require(SwarmKey(bytes: Array(1...20)))
        try await withTracker({ $0.allow = [swarm] }) { server, http in
            let before = try body(get(http, target(port: 1)))
            #expect(before.contains("5:peers"))
            server.reload(allow: [])
            _ = await server.snapshot()
            let without = try body(get(http, target(port: 1)))
            #expect(without.contains("not on this tracker"))
            server.reload(allow: nil)
            _ = await server.snapshot()
            let after = try body(get(http, target(port: 1)))
            #expect(after.contains("5:peers"))
        }
    }

    @Test func `an address is believed from loopback only`() async throws {
        try await withTracker { _, http in
            _ = try get(http, target(port: 0x4141, "&ip=65.65.65.65"))
            #expect(try body(get(http, target(port: 2))).contains("5:peers6:AAAAAA"))
        }
        try await withTracker({ $0.trust = .nobody }) { _, http in
            _ = try get(http, target(port: 0x4141, "&ip=65.65.65.65"))
            #expect(try body(get(http, target(port: 2))).contains("5:peers6:\u{7f}\0\0\u{1}AA"))
        }
        // Addresses that nobody can connect to are not taken from anybody.
        try await withTracker { _, http in
            _ = try get(http, target(port: 0x4141, "&ip=224.0.0.1"))
            #expect(try body(get(http, target(port: 2))).contains("5:peers6:\u{7f}\0\0\u{1}AA"))
        }
    }

    @Test func `port zero is counted and not handed out`() async throws {
        try await withTracker { _, http in
            _ = try get(http, target(port: 0))
            let answer = try body(get(http, target(port: 2)))
            #expect(answer.contains("10:incompletei2e"))
            #expect(answer.contains("5:peers0:"))
        }
    }

    @Test func `pipelined requests are answered in order`() async throws {
        try await withTracker { _, http in
            let client = try Client(.http, http)
            let requests = (1...300).map { "GET \(target(port: $0, left: $0 % 2)) HTTP/1.1\r\nHost: localhost\r\n\r\n" }
            let all = requests.joined() + "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            // In pieces of odd sizes, which cut requests anywhere.
            var rest = Array(all.utf8)[...]
            while !rest.isEmpty {
                client.send(Array(rest.prefix(7001)))
                rest = rest.dropFirst(7001)
            }
            let answers = client.receiveAll()
            #expect(answers.ranges(of: "HTTP/1.1 200 OK").count == 301)
            #expect(answers.hasSuffix("ok\n"))
        }
    }

    @Test func `an answer that is not read holds nobody up`() async throws {
        try await withTracker({ $0.limits.requestSeconds = 1 }) { server, http in
            for port in 1...200 { _ = try get(http, target(port: port)) }
            let client = try Client(.http, http)
            let request = "GET \(target(port: 999, "&compact=0&numwant=200")) HTTP/1.1\r\nHost: localhost\r\n\r\n"
            // More is asked for than all buffers between the two hold, so in the end the tracker stops reading, closes
            // the connection, and remembers why. Others are served all the while.
            let all = Array(String(repeating: request, count: 500).utf8)
            var sent = 0
            try await eventually {
                for _ in 0..<100 {
                    let count = all[sent...].withUnsafeBytes {
                        Glibc.send(client.descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
                    }
                    guard count > 0 else { break }
                    sent = (sent + count) % all.count
                }
                let others = try? body(get(http, "/healthz"))
                #expect(others == "ok\n")
                return await server.snapshot()?.counters.httpTimeouts == 1
            }
        }
    }

    @Test func `other methods and nonsense get an error and the door`() async throws {
        try await withTracker { _, http in
            for (request, status) in [
                ("DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n", "405 Method Not Allowed"),
                (
                    "POST /announce HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\n"
                        + String(repeating: "x", count: 50_000),
                    "405 Method Not Allowed"
                ),
                ("\u{16}\u{3}\u{1}\0\0\0", "400 Bad Request"),
                ("GET / HTTP/1.1\r\n\r\n", "400 Bad Request"),
                ("GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", "505 HTTP Version Not Supported"),
                (
                    "GET /" + String(repeating: "a", count: 9000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    "431 Request Header Fields Too Large"
                ),
            ] {
                let client = try Client(.http, http)
                client.send(request)
                let answer = client.receiveAll()
                #expect(answer.hasPrefix("HTTP/1.1 \(status)\r\n"))
                #expect(answer.contains("Connection: close"))
            }
            #expect(try get(http, "/nothing").hasPrefix("HTTP/1.1 404"))
        }
    }

    @Test func `A request in absolute form is answered like any other`() async throws {
        try await withTracker { _, http in
            let answer = try body(get(http, "http://tracker.example:6969" + target(port: 7)))
            #expect(answer.contains("10:incompletei1e"))
            #expect(
                try body(
                    get(
                        http,
                        "/announce?left=&event=&numwant=&" + target(port: 8).dropFirst(10).replacing("left=1", with: "")
                    )
                ).contains("10:incompletei2e"))
            #expect(try body(get(http, "http://t/healthz")) == "ok\n")
        }
    }

    @Test func `HEAD and OPTIONS are answered without a body, and record nobody`() async throws {
        try await withTracker { server, http in
            let client = try Client(.http, http)
            client.send("HEAD \(target(port: 7)) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            client.send("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n")
            client.send("HEAD /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
            client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            let answers = client.receiveAll().components(before: "HTTP/1.1 ")
            #expect(answers.map { $0.prefix(3) } == ["200", "200", "404", "200"])
            #expect(answers[1].contains("Allow: GET, HEAD, OPTIONS\r\nContent-Length: 0\r\n"))
            #expect(answers.prefix(3).allSatisfy { $0.hasSuffix("\r\n\r\n") })
            #expect(answers[3].hasSuffix("ok\n"))
            #expect(await server.snapshot()?.totals.peers == 0)
        }
    }

    /// A web page whose name leads here (DNS rebinding) reads nothing and announces nothing.
    @Test(arguments: [
        ("Host: evil.example\r\n", true), ("Host: evil.example:80\r\n", true), ("Host: 127.evil.example\r\n", true),
        ("Host: localhost\r\nOrigin: http://evil.example\r\n", true), ("Host: localhost\r\nOrigin: null\r\n", true),
        ("Host: localhost:80\r\nOrigin: http://127.0.0.1:80\r\n", false), ("Host: [::1]:80\r\n", false),
        ("Host: [::1]\r\n", false), ("Host: 127.0.0.1\r\n", false), ("Host: LOCALHOST\r\n", false),
    ])
    func `A tracker for its own host answers to its own names`(headers: String, isForeign: Bool) async throws {
        func status(_ http: PeerAddress, _ target: String) throws -> String {
            let client = try Client(.http, http)
            client.send("GET \(target) HTTP/1.1\r\n\(headers)Connection: close\r\n\r\n")
            return String(client.receiveAll().dropFirst("HTTP/1.1 ".count).prefix(3))
        }
        try await withTracker { server, http in
            for target in ["/stats", "/metrics", "/healthz", target(port: 7)] {
                let answer = try status(http, target)
                #expect(answer == (isForeign ? "403" : "200"), "\(target)")
            }
            #expect(await server.snapshot()?.totals.peers == (isForeign ? 0 : 1))
        }
        // One that others reach is called as they like.
        try await withTracker({ $0.http = [PeerAddress(ipv4: 0, port: 0)] }) { _, http in
            let answer = try status(PeerAddress(ipv4: 0x7f00_0001, port: http.port), "/healthz")
            #expect(answer == "200")
        }
    }

    @Test func `a byte now and then wins no time`() async throws {
        try await withTracker({ $0.limits.requestSeconds = 1 }) { _, http in
            let slow = try Client(.http, http)
            let start = ContinuousClock.now
            var answer: [UInt8]? = nil
            var time = timeval(tv_sec: 0, tv_usec: 100_000)
            setsockopt(slow.descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
            slow.send("GET / HTTP/1.1\r\nHost: localhost\r\n")
            while answer == nil, ContinuousClock.now - start < .seconds(10) {
                slow.send("a")
                answer = slow.receive()
            }
            #expect(String(decoding: answer ?? [], as: UTF8.self).hasPrefix("HTTP/1.1 408"))
        }
    }

    @Test func `silent connections are closed`() async throws {
        try await withTracker({ $0.limits.idleSeconds = 0.3 }) { _, http in
            let client = try Client(.http, http)
            client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(client.receive(until: "ok\n").hasSuffix("ok\n"))
            #expect(client.receive() == [])
        }
    }

    @Test func `new connections push out silent ones`() async throws {
        try await withTracker({ $0.limits.connections = 10 }) { server, http in
            var clients: [Client] = []
            for _ in 0..<30 {
                let client = try Client(.http, http)
                client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(client.receive(until: "ok\n").hasSuffix("ok\n"))
                clients.append(client)
            }
            #expect(clients[0].receive() == [])
            clients[29].send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(clients[29].receive(until: "ok\n").hasSuffix("ok\n"))
        }
    }

    @Test func `Connections that never ask for anything make way for one that does`() async throws {
        try await withTracker({ $0.limits.connections = 10 }) { _, http in
            var silent: [Client] = []
            for _ in 0..<40 {
                let client = try Client(.http, http)
                client.send("GET /")
                silent.append(client)
            }
            let honest = try Client(.http, http)
            for _ in 0..<3 {
                honest.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(honest.receive(until: "ok\n").hasSuffix("ok\n"))
            }
            #expect(silent[0].receive()?.isEmpty ?? true)
        }
    }

    @Test func `Connections are drawn from the budget they are given, and given back to it`() async throws {
        var limits = AdmissionLimits(descriptors: 1024)
        limits.connections[.tracker] = 4
        let admission = Admission(limits: limits)
        try await withTracker({ $0.admission = admission }) { _, http in
            var clients: [Client] = []
            for _ in 0..<8 {
                let client = try Client(.http, http)
                client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(client.receive(until: "ok\n").hasSuffix("ok\n"))
                clients.append(client)
            }
            // One that is closed to make room gives its place back before its successor has taken it.
            #expect(try await eventually(seconds: 5) { admission.figures.connections[.tracker] == 4 })
        }
        #expect(admission.figures.connections[.tracker] == 0)
    }

    @Test func `pages say what there is`() async throws {
        try await withTracker { _, http in
            _ = try get(http, target(port: 1, left: 0))
            _ = try get(http, target(port: 2, "&unreachable=1"))
            let page = try get(http, "/stats")
            #expect(page.contains("Content-Type: text/html"))
            #expect(page.contains("0102030405060708090a0b0c0d0e0f1011121314"))
            let json = try body(get(http, "/stats?format=json"))
            #expect(json.contains("\"peers\":2,\"seeds\":1,\"leechers\":1,"))
            #expect(json.contains("\"unreachable_peers\":1"))
            #expect(try get(http, "/stats", headers: "Accept: application/json\r\n").contains("application/json"))
            let metrics = try body(get(http, "/metrics"))
            #expect(metrics.contains("swoop_tracker_peers{state=\"seed\"} 1\n"))
            #expect(metrics.contains("swoop_tracker_announces_total{protocol=\"http\"} 2\n"))
            #expect(try get(http, "/healthz").hasSuffix("ok\n"))
        }
    }

    @Test func `both IP versions are served from one socket`() async throws {
        try await withTracker({
            $0.http = [PeerAddress(ipv6High: 0, low: 0, port: 0)]
            $0.udp = $0.http
        }) { server, http in
            guard http.family == .ipv6 else { return }  // A machine without IPv6.
            let four = PeerAddress(ipv4: 0x7f00_0001, port: http.port)
            let six = PeerAddress(ipv6High: 0, low: 1, port: http.port)
            _ = try get(four, target(port: 0x4141))
            let answer = try body(get(six, target(port: 0x4242)))
            #expect(answer.contains("5:peers6:\u{7f}\0\0\u{1}AA6:peers60:"))
            #expect(
                try body(get(six, target(port: 3))).contains("6:peers618:\(String(repeating: "\0", count: 15))\u{1}BB"))
            #expect(try body(get(four, target(port: 4))).contains("6:peers636:"))
        }
    }

    @Test func `an address in use is said so`() async throws {
        try await withTracker { _, http in
            let error = #expect(throws: TrackerServerError.self) {
                try TrackerServer(configuration: TrackerConfiguration(http: [http], udp: []))
            }
            #expect(error?.code == .addressInUse)
        }
    }

    @Test func `settings out of range are refused`() {
        for change in [
            { $0.interval = 0 }, { $0.interval = 100_000 }, { $0.intervalJitter = 2 }, { $0.limits.connections = 0 },
            {
                $0.http = []
                $0.udp = []
            },
        ] as [(inout TrackerConfiguration) -> Void] {
            let free = PeerAddress(ipv4: 0x7f00_0001, port: 0)
            var configuration = TrackerConfiguration(http: [free], udp: [free])
            change(&configuration)
            #expect(throws: TrackerServerError.self) { try TrackerServer(configuration: configuration) }
        }
    }

    @Test func `a tracker can be stopped at any time`() async throws {
        let free = PeerAddress(ipv4: 0x7f00_0001, port: 0)
        let never = try TrackerServer(configuration: TrackerConfiguration(http: [free], udp: [free]))
        await never.stop()
        #expect(throws: Never.self) {
            _ = try TrackerServer(
                configuration: TrackerConfiguration(http: never.boundAddresses.http, udp: never.boundAddresses.udp))
        }
        let running = try TrackerServer(configuration: TrackerConfiguration(http: [free], udp: [free]))
        let task = Task { await running.run() }
        task.cancel()
        await task.value
        await running.stop()
        #expect(await running.snapshot() == nil)
    }
}

/// Waits until something is so, ten seconds at most.
func eventually(_ condition: () async -> Bool) async throws {
    #expect(try await TestSupport.eventually(seconds: 10, condition), "it did not come about within ten seconds")
}
