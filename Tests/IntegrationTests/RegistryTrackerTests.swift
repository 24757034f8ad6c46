import Foundation
import TestSupport
import Testing

/// Trackers of a registry as programs: `swoop up` with its own, and `swoop tracker` beside it.
@Suite(.serialized) struct RegistryTrackerTests {
    private func get(_ url: String) async throws -> [UInt8] {
        let place = try TemporaryDirectory()
        let ending = try await Command.ending(["curl", "-sS", "-g", "--max-time", "10", "-o", place.path("body"), url])
        #expect(ending.status == 0, "\(url): \(ending.errors)")
        return Array((try? Data(contentsOf: URL(fileURLWithPath: place.path("body")))) ?? Data())
    }

    private func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
        bytes.indices.contains { bytes[$0...].starts(with: part) }
    }

    @Test func `Trackers name the owner of a blob, have its torrent, and one of them may die`() async throws {
        let work = try TemporaryDirectory()
        let up = try Swoop.start("up", "--any-port", "--data", work.path("data"), "--json")
        let listening = try await up.waitForEvent("listening")
        let registry = try #require(listening["registry"] as? String)
        let own = try #require(listening["tracker"] as? String)
        let peers = try #require((listening["peers"] as? String)?.split(separator: ":").last.flatMap { UInt16($0) })
        let file = try work.file("source/blob")
        _ = try await Command.ending(["dd", "if=/dev/urandom", "of=\(file)", "bs=1M", "count=1"])
        let environment = ["SWOOP_REGISTRY": registry, "XDG_CACHE_HOME": work.path("cache")]
        let push = try await Program([Swoop.path, "push", file, "team/blob:1"], environment: environment).ending(
            within: 60)
        #expect(push.status == 0, "\(push)")
        let digest = try #require(try await Command.ending(["sha256sum", file]).output.split(separator: " ").first)

        let second = try Swoop.start("tracker", "--http", "127.0.0.1:0", "--registry", registry, "--json")
        let other = "http://\(try #require(try await second.waitForEvent("listening")["http"] as? String))/announce"
        let owner: [UInt8] = [127, 0, 0, 1, UInt8(peers >> 8), UInt8(peers & 255)]
        for tracker in [own, other] {
            let ask =
                tracker + "?info_hash=%01%02%03%04%05%06%07%08%09%0A%0b%0c%0d%0e%0f%10%11%12%13%14"
                + "&peer_id=-SW0001-abcdefghijkl&port=7&left=1&digest=sha256:\(digest)"
            try await wait(20, for: "the owner at \(tracker)") { contains(try await get(ask), [0x36, 0x3a] + owner) }
            let torrent = try await get(
                tracker.replacing("/announce", with: "/namespace/team/blob/blobs/sha256:\(digest)/metainfo"))
            #expect(contains(torrent, Array("6:pieces".utf8)) && contains(torrent, Array(digest.utf8)))
            #expect(
                String(decoding: try await get(tracker.replacing("/announce", with: "/readyz")), as: UTF8.self)
                    == "ok\n")
        }
        second.send(SIGKILL)
        _ = try await second.ending()
        let pull = try await Program(
            [Swoop.path, "pull", "team/blob:1", "-o", work.path("out"), "--direct"],
            environment: environment
        ).ending(within: 60)
        #expect(pull.status == 0, "\(pull)")
        try await up.stop()
    }
}
