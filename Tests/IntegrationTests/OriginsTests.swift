import Foundation
import Hashing
import TestSupport
import Testing

@Suite("Several origins", .serialized)
struct OriginsTests {
    @Test func `What is pushed to one origin is pulled through any other, and by what the index tells`() async throws {
        let origins = try await TestOrigins(3)
        let file = try SampleFiles.file(origins.work.path("from/app.bin"), 3 << 20, seed: 31)
        let pushed = try await origins.start(["push", file, "team/app:1"], at: origins.hosts[0]).ending()
        #expect(pushed.status == 0, "\(pushed)")
        for (number, url) in (origins.hosts + [origins.index]).enumerated() {
            let out = origins.work.path("out\(number)")
            let pulled = try await origins.start(["pull", "team/app:1", "-o", out, "--direct"], at: url).ending()
            #expect(pulled.status == 0, "\(url): \(pulled)")
            #expect(FileManager.default.contentsEqual(atPath: out + "/app.bin", andPath: file))
        }
        let list = try await OCIClient(authority: origins.hosts[1]).call("GET", "/v1/cluster")
        #expect((list.json["origins"] as? [[String: Any]])?.compactMap { $0["host"] as? String } == origins.hosts)
        #expect(list.json["indexes"] as? [String] == ["http://\(origins.index)"])
        try await wait(60, for: "no repair") {
            try await OCIClient(authority: origins.hosts[2]).call("GET", "/metrics").body
                .contains("swoop_origin_repair_blobs 0")
        }
    }

    @Test func `An origin of two is killed after a push and loses its disk: blob and write-back live on`() async throws
    {
        let store = try TemporaryDirectory()
        let origins = try await TestOrigins(2, "--backend", "file://\(store.path)/blobs", "--backend-pause", "3s")
        let size = 2 << 20
        let file = try SampleFiles.file(origins.work.path("from/app.bin"), size, seed: 32)
        let hex = OCIClient.hex(of: size, seed: 32)
        // The blob's first owner writes back at once, the other only where that one does not: the first is to die.
        let digest = try #require(SHA256Digest(hex: hex)).bytes
        let ranks = origins.hosts.map { SHA256.digest(Array($0.utf8) + [0] + digest) }
        let (first, second) = ranks[0] > ranks[1] ? (0, 1) : (1, 0)
        let pushed = try await origins.start(["push", file, "team/app:1"], at: origins.hosts[first]).ending()
        #expect(pushed.status == 0, "\(pushed)")
        #expect(origins.has(hex, 0) && origins.has(hex, 1))
        try await origins.kill(first)
        try FileManager.default.removeItem(atPath: origins.work.path("origin\(first)"))
        // Whatever the first owner has stored before it died is not counted.
        for path in FileManager.default.enumerator(atPath: store.path)?.compactMap({ $0 as? String }) ?? []
        where path.hasSuffix(hex) {
            try FileManager.default.removeItem(atPath: store.path(path))
        }
        let out = origins.work.path("out")
        let pulled = try await origins.start(["pull", "team/app:1", "-o", out, "--direct"], at: origins.hosts[second])
            .ending()
        #expect(pulled.status == 0, "\(pulled)")
        #expect(FileManager.default.contentsEqual(atPath: out + "/app.bin", andPath: file))
        try await wait(30, for: "what the second owner writes back") {
            FileManager.default.enumerator(atPath: store.path)?.contains { ($0 as? String)?.hasSuffix(hex) == true }
                ?? false
        }
        try await origins.restart(first)
        try await wait(30, for: "the copy at the origin that lost its disk") { origins.has(hex, first) }
    }

    @Test func `One of three origins is killed in a storm of pulls: all complete, and its copies are made again`()
        async throws
    {
        let pulls = 6
        let network = try Network(hosts: 4 + pulls)
        for index in 0..<(4 + pulls) { try network.shape(index, mbit: 40) }
        let origins = try await TestOrigins(3, on: network)
        let size = 12 << 20
        let file = try SampleFiles.file(origins.work.path("from/app.bin"), size, seed: 33)
        let hex = OCIClient.hex(of: size, seed: 33)
        let pushed = try await origins.start(["push", file, "team/app:1"], at: origins.hosts[0]).ending(within: 120)
        #expect(pushed.status == 0, "\(pushed)")
        try await wait(60, for: "three copies") { (0..<3).allSatisfy { origins.has(hex, $0) } }
        let clock = ContinuousClock()
        let start = clock.now
        let programs = try (0..<pulls).map { number in
            try origins.start(
                ["pull", "team/app:1", "-o", origins.work.path("out\(number)"), "--direct"], at: origins.index,
                on: network.hosts[4 + number])
        }
        try await wait(30, for: "the storm") {
            try (0..<3).contains { try network.hosts[$0].sentBytes() > size / 4 }
        }
        try await origins.kill(1)
        for (number, program) in programs.enumerated() {
            let ending = try await program.ending(within: 120)
            #expect(ending.status == 0, "pull \(number): \(ending)")
            #expect(FileManager.default.contentsEqual(atPath: origins.work.path("out\(number)/app.bin"), andPath: file))
        }
        let seconds = (clock.now - start) / .seconds(1)
        let bound = Double(size) * 8 / 40_000_000
        print("storm with a killed origin: \(seconds) s, a line's time \(bound) s")
        #expect(seconds < 3 * bound + 40)
        try FileManager.default.removeItem(atPath: origins.work.path("origin1"))
        try await origins.restart(1)
        try await wait(60, for: "its copy") { origins.has(hex, 1) }
    }
}
