import Foundation
import TestSupport
import Testing

/// `swoop pull` on a host without an agent, which is one for its own life.
@Suite struct `A pull without an agent` {
    @Test func `gives what it brought from where it is, until its time is over or a signal comes`() async throws {
        let registry = try await TestRegistry()
        let size = 3 << 20
        let file = try SampleFiles.file(registry.work.path("from/app.bin"), size, seed: 81)
        try await registry.keep(file, as: "team/app:1")
        let out = registry.work.path("out")
        let pull = try registry.start(
            ["pull", "team/app:1", "-o", out, "--direct", "--seed-time", "5m", "--json"])
        _ = try await pull.waitForEvent("complete")
        #expect(FileManager.default.contentsEqual(atPath: out + "/app.bin", andPath: file))
        let client = OCIClient(authority: registry.authority)
        let resolved = try await client.call("GET", "/v1/resolve/team/app:1").json
        let hash = try #require(
            (resolved["blobs"] as? [[String: Any]])?.first { $0["size"] as? Int == size }?["infoHash"] as? String)
        let cluster = try await client.call("GET", "/v1/cluster").json
        let tracker = try #require((cluster["trackers"] as? [String])?.first { $0.hasPrefix("http") })
        let origin = try #require((cluster["origins"] as? [[String: Any]])?.first?["peers"] as? String)
        // It is announced, and gives all of it to a client that knows no other peer.
        var peer: String?
        try await wait(30, for: "its announce") {
            peer = try await Self.peers(of: hash, at: tracker).first { $0 != origin }
            return peer != nil
        }
        let copy = registry.work.path("copy")
        let got = try await Program([
            Swoop.path, "get", "magnet:?xt=urn:btih:\(hash)", "-o", copy, "--peer", try #require(peer), "--seed-time",
            "0s", "--listen", "127.0.0.1:0",
        ]).ending()
        #expect(got.status == 0, "\(got)")
        let name = try #require(FileManager.default.contentsOfDirectory(atPath: copy).first)
        #expect(FileManager.default.contentsEqual(atPath: "\(copy)/\(name)", andPath: file))
        let ended = try await pull.stop(SIGINT)
        #expect(ended.status == 0, "\(ended)")
        // What is there already is given too, for so long as was asked for.
        let again = try await registry.pull("team/app:1", to: out, "--direct", "--seed-time", "1s")
        #expect(again.status == 0 && again.errors.contains("giving"), "\(again)")
    }

    /// Hosts and ports that a tracker names.
    private static func peers(of hash: String, at tracker: String) async throws -> [String] {
        let escaped = stride(from: 0, to: 40, by: 2).map { start in
            "%" + hash.dropFirst(start).prefix(2)
        }.joined()
        let directory = try TemporaryDirectory()
        _ = try await Command.ending([
            "curl", "-sS", "-m", "10", "-o", directory.path("reply"),
            "\(tracker)?info_hash=\(escaped)&peer_id=bbbbbbbbbbbbbbbbbbbb&port=9&left=1&compact=1&numwant=50",
        ])
        let reply = Data(directory.read("reply") ?? [])
        guard let key = reply.range(of: Data("5:peers".utf8)),
            let colon = reply[key.upperBound...].firstIndex(of: UInt8(ascii: ":")),
            let count = Int(String(decoding: reply[key.upperBound..<colon], as: UTF8.self))
        else { return [] }
        let list = Array(reply[(colon + 1)...].prefix(count))
        return stride(from: 0, to: list.count - 5, by: 6).map { at in
            "\(list[at]).\(list[at + 1]).\(list[at + 2]).\(list[at + 3]):\(Int(list[at + 4]) << 8 | Int(list[at + 5]))"
        }
    }
}
