import Address
import Foundation
import Testing
import TrackerServer
import Tracking

/// What a tracker does for the agents of a registry.
@Suite struct RegistryTrackerTests {
    private static let digest = "sha256:" + String(repeating: "0a", count: 32)
    private static let owners = [1, 2, 3].map { PeerAddress(ipv4: 0x0a00_0000 + $0, port: 15001) }

    private static let origins = RegistryOrigins(
        owners: { "\($0)" == digest ? owners : [] },
        metainfo: { request in
            switch request.path {
            case "/namespace/team%2Fapp/blobs/\(digest)/metainfo":
                .torrent(Array("d4:infod\(request.authorization ?? "")ee".utf8))
            case "/namespace/cold/blobs/\(digest)/metainfo": .fetching(Array(#"{"state":"fetching"}"#.utf8))
            case "/namespace/secret/blobs/\(digest)/metainfo": .refused(status: 403, "not for you\n")
            default: .unavailable
            }
        })

    /// The peers that an announce is answered with, in their order.
    private func peers(_ server: PeerAddress, port: Int, left: Int = 1, _ more: String = "") throws -> [PeerAddress] {
        let client = try Client(.http, server)
        client.send(
            "GET \(target(port: port, left: left, more)) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        var answer: [UInt8] = []
        while let bytes = client.receive(), !bytes.isEmpty { answer += bytes }
        let mark = Array("5:peers".utf8)
        let start = try #require(
            answer.indices.first { answer[$0...].starts(with: mark) },
            "\(String(decoding: answer, as: UTF8.self))")
        var (position, length) = (start + mark.count, 0)
        while answer[position] != 0x3a {
            (length, position) = (length * 10 + Int(answer[position]) - 0x30, position + 1)
        }
        return try #require(PeerAddress.list(compact: answer[(position + 1)...].prefix(length), family: .ipv4))
    }

    private func escaped(_ ports: [UInt16]) -> String {
        ports.map { String(format: "%%7f%%00%%00%%01%%%02x%%%02x", $0 >> 8, $0 & 255) }.joined()
    }

    @Test func `An announce with a digest is answered with the owners at the end`() async throws {
        try await withTracker({ $0.origins = Self.origins }) {
            (_: TrackerServer, server: PeerAddress) async throws -> Void in
            #expect(try peers(server, port: 1) == [])
            #expect(try peers(server, port: 2, "&digest=\(Self.digest)").map(\.port) == [1, 15001, 15001, 15001])
            #expect(
                try Array(peers(server, port: 3, "&digest=\(Self.digest.replacing(":", with: "%3A"))").suffix(3))
                    == Self.owners
            )
            // An owner that announces itself stands at the end all the same, and once.
            let first = try #require(Self.owners.first)
            _ = try peers(server, port: Int(first.port), left: 0, "&ip=10.0.0.1")
            for port in 6..<9 {
                let answer = try peers(server, port: port, "&digest=\(Self.digest)")
                #expect(answer.count { $0 == first } == 1 && answer.suffix(3) == Self.owners[...], "\(answer)")
            }
            // One that is whole, and one that wants nobody, are sent to nobody.
            #expect(try peers(server, port: 4, left: 0, "&digest=\(Self.digest)").allSatisfy { $0.port < 10 })
            #expect(try peers(server, port: 5, "&numwant=0&digest=\(Self.digest)") == [])
            for wrong in ["sha256:0a", Self.digest.replacing("256", with: "512"), Self.digest.uppercased()] {
                #expect(body(try get(server, target(port: 9, "&digest=\(wrong)"))).contains("failure reason"))
            }
        }
    }

    @Test func `Where swarms go by a secret, the owners are named to those alone who show that they know it`()
        async throws
    {
        let proof = String(repeating: "5e", count: 32)
        var origins = Self.origins
        origins.admits = { swarm, blob, shown in
            "\(blob)" == Self.digest && shown?.description == "sha256:" + proof
        }
        origins.hidesSwarms = { true }
        try await withTracker({ [origins] in $0.origins = origins }) {
            (_: TrackerServer, server: PeerAddress) async throws -> Void in
            #expect(try peers(server, port: 2, "&digest=\(Self.digest)") == [])
            #expect(
                try !peers(server, port: 3, "&digest=\(Self.digest)&proof=\(String(repeating: "00", count: 32))")
                    .contains(Self.owners[0]))
            #expect(try Array(peers(server, port: 4, "&digest=\(Self.digest)&proof=\(proof)").suffix(3)) == Self.owners)
            for wrong in ["1", proof + "00", proof.uppercased(), "\(proof)&proof=\(proof)"] {
                #expect(
                    body(try get(server, target(port: 9, "&digest=\(Self.digest)&proof=\(wrong)")))
                        .contains("failure reason"))
            }
            // A page that lists swarms would tell how they are named.
            let stats = body(try get(server, "/stats?format=json"))
            #expect(stats.contains("\"biggest_swarms\":[]") && stats.contains("\"swarms\":1"), "\(stats)")
        }
    }

    @Test func `An agent hears of 50 peers at most, the owners among them, in short intervals`() async throws {
        try await withTracker({ $0.origins = Self.origins }) {
            (_: TrackerServer, server: PeerAddress) async throws -> Void in
            for port in 100..<180 { _ = try peers(server, port: port) }
            #expect(try peers(server, port: 1, "&numwant=200&digest=\(Self.digest)").count == 50)
            #expect(try Array(peers(server, port: 1, "&numwant=200&digest=\(Self.digest)").suffix(3)) == Self.owners)
            let part = body(try get(server, target(port: 1, "&digest=\(Self.digest)")))
            #expect(part.contains("12:min intervali5e"))
            let interval = try #require(part.firstMatch(of: /8:intervali(\d+)e/)).1
            #expect((27...33).contains(Int(interval) ?? 0))
            let whole = body(try get(server, target(port: 1, left: 0, "&digest=\(Self.digest)")))
            let long = try #require(whole.firstMatch(of: /8:intervali(\d+)e/)).1
            #expect((540...660).contains(Int(long) ?? 0))
        }
    }

    @Test func `Half of the peers are of the asker's site`() async throws {
        try await withTracker { (_: TrackerServer, server: PeerAddress) async throws -> Void in
            for port in 1000..<1400 { _ = try peers(server, port: port, "&site=far") }
            for port in 2000..<2030 { _ = try peers(server, port: port, "&site=here%20too") }
            let found = try peers(server, port: 1, "&site=here%20too")
            #expect(found.count == 50 && Set(found).count == 50)
            #expect(found.count { (2000..<2030).contains($0.port) } >= 25)
            #expect(found.count { (1000..<1400).contains($0.port) } >= 10)
            _ = try peers(server, port: 2000, "&site=here%20too&event=stopped")
            #expect(try !peers(server, port: 1, "&site=here%20too").contains { $0.port == 2000 })
        }
    }

    @Test func `A peer that two others cannot reach is dropped until it announces again`() async throws {
        try await withTracker { (_: TrackerServer, server: PeerAddress) async throws -> Void in
            for port in [501, 502] { _ = try peers(server, port: port) }
            let word = "&unreached=\(escaped([501]))"
            #expect(try peers(server, port: 1, word).contains { $0.port == 501 })
            // The same word again is no second one.
            #expect(try peers(server, port: 1, word).contains { $0.port == 501 })
            #expect(try peers(server, port: 2, word).map(\.port).sorted() == [1, 502])
            #expect(try peers(server, port: 1).map(\.port).sorted() == [2, 502])
            _ = try peers(server, port: 501)
            #expect(try peers(server, port: 1).contains { $0.port == 501 })
            // One doubt of before does not count against it.
            #expect(try peers(server, port: 2, word).contains { $0.port == 501 })
        }
    }

    @Test func `A torrent comes from an origin, with the caller's token`() async throws {
        try await withTracker({ $0.origins = Self.origins }) {
            (_: TrackerServer, server: PeerAddress) async throws -> Void in
            let path = "/namespace/team%2Fapp/blobs/\(Self.digest)/metainfo"
            let answer = try get(server, path, headers: "Authorization: Bearer x\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: application/x-bittorrent\r\n"))
            #expect(body(answer) == "d4:infodBearer xee")
            #expect(try get(server, path.replacing("team%2Fapp", with: "secret")).hasPrefix("HTTP/1.1 403 "))
            let cold = try get(server, path.replacing("team%2Fapp", with: "cold"))
            #expect(cold.hasPrefix("HTTP/1.1 202 Accepted\r\n") && cold.contains("Retry-After: 1\r\n"), "\(cold)")
            #expect(body(cold) == #"{"state":"fetching"}"#)
            #expect(try get(server, path.replacing("team%2Fapp", with: "other")).hasPrefix("HTTP/1.1 503 "))
            // Requests behind it on a connection wait their turn.
            let client = try Client(.http, server)
            client.send(
                "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
            let all = client.receiveAll()
            #expect(all.contains("d4:infodee") && all.hasSuffix("ok\n"))
        }
        try await withTracker { (_: TrackerServer, server: PeerAddress) async throws -> Void in
            #expect(try get(server, "/namespace/a/blobs/b/metainfo").hasPrefix("HTTP/1.1 404 "))
        }
    }
}
