import HTTPTransport
import NIOCore
import TestSupport
import Testing
import Text
import TrackerClient

@Suite struct `The address that was connected to` {
    private func failure(
        _ transport: HTTPTransport, _ text: String, allowed: ReachSet = .all
    ) async throws -> HTTPTransportError? {
        let url = try #require(HTTPURL(text))
        defer { Task { await transport.shutdown() } }
        do throws(HTTPTransportError) {
            _ = try await transport.get(url, allowed: allowed, deadline: .now() + .seconds(5))
            return nil
        } catch {
            return error
        }
    }

    @Test func `is judged, not what the name meant a moment before`() async throws {
        try await RawServer.with { _, _ in
            [.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]
        } _: { server in
            let transport = PublicHost.transport(connecting: ["rebound.example": "127.0.0.1"])
            let error = try await failure(
                transport, "http://rebound.example:\(server.port)/announce", allowed: [.site, .everywhere])
            #expect(error == .refusedAddress(host: "rebound.example"))
            #expect(server.requests.isEmpty)
        }
    }

    @Test func `of a redirect is judged too`() async throws {
        try await RawServer.with { _, _ in
            [.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]
        } _: { inside in
            let location = "http://rebound.example:\(inside.port)/secret"
            try await RawServer.with(at: PublicHost.address) { _, _ in
                [.send("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: \(location)\r\n\r\n")]
            } _: { server in
                let transport = PublicHost.transport(
                    connecting: ["cdn.example": PublicHost.address, "rebound.example": "127.0.0.1"])
                let error = try await failure(transport, "http://cdn.example:\(server.port)/")
                #expect(error == .refusedAddress(host: "rebound.example"))
                #expect(inside.requests.isEmpty)
            }
        }
    }

    @Test func `of a name with two records opens neither loopback nor the link`() async throws {
        for target in ["http://127.0.0.1:1/", "http://169.254.169.254/", "http://double.example:1/", "/other"] {
            try await RawServer.with(at: PublicHost.address) { _, _ in
                [.send("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: \(target)\r\n\r\n")]
            } _: { server in
                let transport = PublicHost.transport(connecting: ["double.example": PublicHost.address])
                let error = try await failure(transport, "http://double.example:\(server.port)/")
                guard case .refusedRedirect(from: "double.example", _) = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
                #expect(server.requests.count == 1)
            }
        }
    }
}

@Suite struct `A tracker that a torrent names` {
    private func refusal(_ url: String) async throws -> TrackerClientError? {
        var settings = TrackerClientSettings()
        settings.udpTimeouts = [0.2]
        let asked = try request(.zero, peer: 1, port: 1, left: 1)
        return try await withClient(settings) { client in
            do throws(TrackerClientError) {
                _ = try await client.announce(url: url, asked, timeout: 3)
                return nil
            } catch {
                return error
            }
        }
    }

    @Test(arguments: [
        "http://169.254.169.254/announce", "udp://169.254.169.254:80/announce", "http://[fe80::1]/announce",
        "http://[::ffff:169.254.169.254]/announce", "http://0xa9fea9fe/announce", "http://2852039166/announce",
        "udp://[fd00:ec2::254]:80",
    ]) func `is not asked at this link`(url: String) async throws {
        let error = try #require(await refusal(url))
        #expect(error.description.contains("inside address"), "\(error)")
    }

    @Test(arguments: ["/admin", "/announce?do=it", "/announce/x", "/"])
    func `is asked at this host under one path only`(path: String) async throws {
        try await RawServer.with { _, _ in
            [.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]
        } _: { server in
            for host in ["127.0.0.1", "localhost", "0x7f.1", "0"] {
                let error = try #require(await refusal("http://\(host):\(server.port)\(path)"))
                #expect(error.description.contains("inside address"), "\(error)")
            }
            #expect(server.requests.isEmpty)
        }
    }
}
