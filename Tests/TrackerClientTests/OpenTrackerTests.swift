import Address
import Foundation
import Hashing
import Testing
import TrackerClient
import Tracking

func request(
    _ hash: SHA1Digest, peer: UInt8, port: UInt16, left: UInt64, event: AnnounceEvent = .none
) throws -> AnnounceRequest {
    try #require(
        AnnounceRequest(
            infoHash: hash, peerID: [UInt8](repeating: peer, count: 20), port: port, left: left, event: event,
            numWant: 50,
            key: UInt32(peer)))
}

/// Runs `body` with a client that is shut down afterwards.
@discardableResult
func withClient<Result>(
    _ settings: TrackerClientSettings = TrackerClientSettings(), isolation: isolated (any Actor)? = #isolation,
    _ body: (TrackerClient) async throws -> Result
) async throws -> Result {
    let client = TrackerClient(settings: settings)
    do {
        let result = try await body(client)
        await client.shutdown()
        return result
    } catch {
        await client.shutdown()
        throw error
    }
}

@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: OpenTracker.path), "opentracker is not installed"))
struct `A real opentracker` {
    @Test(arguments: ["http", "udp"]) func `hears of a seed, tells a leecher, and forgets who stopped`(scheme: String)
        async throws
    {
        let hash = try #require(SHA1Digest(bytes: Array("A hash of 20 bytes!!".utf8)))
        try await OpenTracker.with(allowing: hash) { port, client in
            let url = "\(scheme)://127.0.0.1:\(port)/announce"
            _ = try await client.announce(url: url, request(hash, peer: 1, port: 7001, left: 0, event: .started))
            let own = try #require(PeerAddress("127.0.0.1:7002"))
            let answer = try await client.announce(
                url: url, request(hash, peer: 2, port: 7002, left: 100, event: .started),
                filter: PeerAddressFilter(own: [own]))
            #expect(answer.seeders == 1 && answer.leechers == 1)
            #expect(answer.interval > 0)
            #expect(answer.peers.map(\.description) == ["127.0.0.1:7001"])
            _ = try await client.announce(url: url, request(hash, peer: 2, port: 7002, left: 0, event: .completed))
            let counts = try await client.scrape(url: url, [hash])
            #expect(counts[hash]?.seeders == 2 && counts[hash]?.completed == 1)
            _ = try await client.announce(url: url, request(hash, peer: 1, port: 7001, left: 0, event: .stopped))
            #expect(try await client.scrape(url: url, [hash])[hash]?.seeders == 1)
        }
    }

    @Test func `refuses a torrent it does not know`() async throws {
        let hash = try #require(SHA1Digest(bytes: Array("Another of 20 bytes!".utf8)))
        try await OpenTracker.with(allowing: .zero) { port, client in
            let error = await #expect(throws: TrackerClientError.self) {
                try await client.announce(
                    url: "http://127.0.0.1:\(port)/announce", request(hash, peer: 1, port: 1, left: 1))
            }
            guard case .answer(.refused(let reason, .unsaid)) = error else {
                Issue.record("not refused: \(String(describing: error))")
                return
            }
            #expect(!reason.isEmpty)
            #expect(error?.refusal == .unsaid)
        }
    }
}
