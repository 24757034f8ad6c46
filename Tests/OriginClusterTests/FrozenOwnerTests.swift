import Registry
import TestSupport
import Testing

/// Owners that accept connections and do not answer.
@Suite(.serialized) struct FrozenOwnerTests {
    /// The port of an origin that does not run.
    private func port(_ bench: Bench, _ index: Int) throws -> UInt16 {
        try #require(bench.hosts[index].split(separator: ":").last.flatMap { UInt16($0) })
    }

    @Test(arguments: [300_000, 24 << 20])
    func `A push does not wait for an owner that freezes longer than until it counts as down`(size: Int) async throws {
        var settings = quick
        // The push begins while the frozen owner still counts as up.
        settings.healthInterval = 1
        try await Bench.with(2, settings) { bench in
            for index in 0..<2 { await bench.stop(index) }
            try await RawServer.with(port: try port(bench, 1)) { _, _ in
                [.hang]
            } _: { frozen in
                try await bench.start(0)
                let bytes = sample(size, seed: 71)
                let begun = ContinuousClock.now
                #expect(try await bench.push(bytes, to: 0) == 201)
                #expect(ContinuousClock.now - begun < .seconds(15))
                #expect(frozen.requests.contains { $0.hasPrefix("PATCH ") }, "the bytes were on their way to it")
                #expect(bench.holders(of: digest(of: bytes)) == [0])
                #expect(try await bench.read(digest(of: bytes), from: 0).body == bytes)
            }
            try await bench.start(1)
            try await wait(20, for: "its copy") { bench.holders(of: digest(of: sample(size, seed: 71))) == [0, 1] }
        }
    }

    @Test func `An owner that is up and takes nothing is given up, and another gets the copy`() async throws {
        var settings = quick
        settings.relayPatience = 0.3
        try await Bench.with(3, settings) { bench in
            await bench.stop(2)
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n{\"instance\":\"stuck\",\"peers\":null}"
            try await RawServer.with(port: try port(bench, 2)) { head, _ in
                head.hasPrefix("GET /v1/internal/origin ") ? [.send(answer)] : [.hang]
            } _: { stuck in
                try await wait(20, for: "the answer of the stuck origin") {
                    try [0, 1].allSatisfy { try bench[$0].watch.member(bench.hosts[2])?.instance == "stuck" }
                }
                try await wait(20, for: "the health of the stuck origin") {
                    try [0, 1].allSatisfy { try bench[$0].watch.placement.isUp(bench.hosts[2]) }
                }
                // The stuck origin is the first to get a copy of a push to the first origin.
                let bytes = try #require(
                    try (80..<200 as Range<UInt64>).lazy.map { sample(200_000, seed: $0) }.first {
                        try bench.owners(of: digest(of: $0)).first { $0 != 0 } == 2
                    })
                let begun = ContinuousClock.now
                #expect(try await bench.push(bytes, to: 0) == 201)
                #expect(ContinuousClock.now - begun < .seconds(15))
                #expect(stuck.requests.contains { $0.hasPrefix("PATCH ") })
                #expect(bench.holders(of: digest(of: bytes)) == [0, 1])
            }
        }
    }
}
