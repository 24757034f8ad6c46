import NIOCore
import TestSupport
import Testing
import TrackerClient
import Tracking

@Suite struct `A tracker over UDP` {
    /// For trackers that answer at once, on a machine that may be slow.
    private var patient: TrackerClientSettings {
        var settings = TrackerClientSettings()
        settings.udpTimeouts = [20]
        return settings
    }

    private var quick: TrackerClientSettings {
        var settings = TrackerClientSettings()
        settings.udpTimeouts = [0.2, 0.4, 0.8]
        return settings
    }

    private func announce(_ client: TrackerClient, _ url: String) async throws(TrackerClientError) -> AnnounceAnswer {
        guard
            let request = AnnounceRequest(
                infoHash: .zero, peerID: [UInt8](repeating: 1, count: 20), port: 1, left: 1, key: 1)
        else { throw .cancelled }
        return try await client.announce(url: url, request)
    }

    @Test func `is asked for a connection id once, and that is used again`() async throws {
        try await RawUDPServer.with { request, _ in
            [RawUDPServer.honest(request)]
        } _: { url, log in
            try await withClient(patient) { client in

                for _ in 0..<3 {
                    let answer = try await announce(client, url)
                    #expect(answer.peers.map(\.description) == ["10.0.0.1:80"])
                }

            }
            #expect(log.all == ["0", "1", "1", "1"])
        }
    }

    @Test func `is asked for a new connection id when the old one is over`() async throws {
        var settings = patient
        settings.connectionIDLifetime = 0.001
        try await RawUDPServer.with { request, _ in
            [RawUDPServer.honest(request)]
        } _: { url, log in
            try await withClient(settings) { client in
                for _ in 0..<2 {
                    _ = try await announce(client, url)
                    let end = ContinuousClock.now + .milliseconds(1)
                    try await wait(for: "the end of the id") { ContinuousClock.now > end }
                }
            }
            #expect(log.all == ["0", "1", "0", "1"])
        }
    }

    @Test func `is asked again when packets are lost`() async throws {
        try await RawUDPServer.with { request, number in
            number == 0 || number == 2 ? [] : [RawUDPServer.honest(request)]
        } _: { url, log in
            try await withClient(quick) { client in _ = try await announce(client, url) }
            #expect(log.all == ["0", "0", "1", "0", "1"])
        }
    }

    @Test func `whose datagrams are short, foreign or of another kind is waited for`() async throws {
        try await RawUDPServer.with { request, _ in
            var foreign = RawUDPServer.honest(request)
            foreign[7] ^= 1
            let short = Array(RawUDPServer.honest(request).prefix(10))
            let otherKind = [0, 0, 0, 2] + RawUDPServer.transaction(request) + [UInt8](repeating: 0, count: 12)
            return [[], [1, 2, 3], foreign, short, otherKind, RawUDPServer.honest(request)]
        } _: { url, log in
            try await withClient(patient) { client in
                let answer = try await announce(client, url)
                #expect(answer.peers.map(\.description) == ["10.0.0.1:80"])
            }
            #expect(log.all == ["0", "1"])
        }
    }

    @Test func `that refuses is believed at once`() async throws {
        try await RawUDPServer.with { request, _ in
            RawUDPServer.action(request) == 0
                ? [RawUDPServer.honest(request)]
                : [[0, 0, 0, 3] + RawUDPServer.transaction(request) + Array("go away".utf8)]
        } _: { url, log in
            try await withClient(patient) { client in
                await #expect(throws: TrackerClientError.answer(.refused(reason: "go away", retry: .unsaid))) {
                    try await announce(client, url)
                }
            }
            #expect(log.all == ["0", "1"])
        }
    }

    @Test func `that no longer knows the connection id is asked for another`() async throws {
        try await RawUDPServer.with { request, number in
            number == 3
                ? [[0, 0, 0, 3] + RawUDPServer.transaction(request) + Array("Connection ID mismatch".utf8)]
                : [RawUDPServer.honest(request)]
        } _: { url, log in
            try await withClient(patient) { client in for _ in 0..<3 { _ = try await announce(client, url) } }
            #expect(log.all == ["0", "1", "1", "1", "0", "1"])
        }
    }

    @Test func `that is silent is given up when the tries are over`() async throws {
        try await RawUDPServer.with { _, _ in
            []
        } _: { url, log in
            try await withClient(quick) { client in
                let error = await #expect(throws: TrackerClientError.self) { try await announce(client, url) }
                guard case .timedOut = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
            }
            #expect((2...3).contains(log.all.count))
        }
    }

    @Test func `that nobody is at fails at once`() async throws {
        var settings = TrackerClientSettings()
        settings.udpTimeouts = [30]
        let port = try FreePort.find()
        try await withClient(settings) { client in
            let start = NIODeadline.now()
            await #expect(throws: TrackerClientError.self) { try await announce(client, "udp://127.0.0.1:\(port)") }
            #expect(NIODeadline.now() - start < .seconds(10))
        }
    }

    @Test func `is asked at its other addresses when the first does not answer`() async throws {
        // The name has both loopback addresses on most machines; the server is at the IPv4 one only.
        try await RawUDPServer.with { request, _ in
            [RawUDPServer.honest(request)]
        } _: { url, _ in
            try await withClient(quick) { client in
                let named = url.replacing("127.0.0.1", with: "localhost")
                let answer = try await announce(client, named)
                #expect(answer.peers.count == 1)
            }
        }
    }

    @Test func `is left within the time that a stopping node has`() async throws {
        try await RawUDPServer.with { _, _ in
            []
        } _: { url, _ in
            try await withClient { client in
                let start = NIODeadline.now()
                await #expect(throws: TrackerClientError.self) {
                    try await client.announce(url: url, request(.zero, peer: 1, port: 1, left: 1, event: .stopped))
                }
                #expect(NIODeadline.now() - start < .seconds(6))
            }
        }
    }

    @Test func `sees the address that was chosen to send from`() async throws {
        var settings = patient
        settings.localAddress = "127.0.0.3"
        try await RawUDPServer.with { request, _ in
            [RawUDPServer.honest(request)]
        } _: { url, _ in
            try await withClient(settings) { client in _ = try await announce(client, url) }
        }
        settings.localAddress = "::1"
        try await withClient(settings) { client in
            await #expect(throws: TrackerClientError.self) { try await announce(client, "udp://127.0.0.1:9") }
        }
    }
}
