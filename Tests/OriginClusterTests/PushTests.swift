import Foundation
import Hashing
import Registry
import TestSupport
import Testing

/// Pushes through one of several origins.
@Suite(.serialized) struct PushTests {
    @Test func `A push through any origin is at two owners when it succeeds, and soon at all`() async throws {
        try await Bench.with(3) { bench in
            for index in 0..<3 {
                let bytes = sample(700_000 + index, seed: UInt64(index + 1))
                let digest = digest(of: bytes)
                #expect(try await bench.push(bytes, to: index) == 201)
                #expect(bench.holders(of: digest).count >= 2)
                try await wait(20, for: "third copy") { bench.holders(of: digest).count == 3 }
                for other in 0..<3 {
                    let answer = try await bench.read(digest, from: other)
                    #expect(answer.status == 200)
                    #expect(answer.body == bytes)
                }
            }
        }
    }

    @Test func `An upload in parts goes on through the origin that began it, and its copy with it`() async throws {
        try await Bench.with(3) { bench in
            let bytes = sample(5_000_000, seed: 5)
            let digest = digest(of: bytes)
            let begun = try await bench.call(.POST, 1, "/v2/team/app/blobs/uploads/", ["Content-Length": "0"], body: [])
            var location = try #require(begun.headers.first(name: "location"))
            for start in stride(from: 0, to: bytes.count, by: 2_000_000) {
                let part = Array(bytes[start..<min(bytes.count, start + 2_000_000)])
                let answer = try await bench.call(
                    .PATCH, 1, location, ["Content-Range": "\(start)-\(start + part.count - 1)"], body: part)
                #expect(answer.status == 202)
                location = try #require(answer.headers.first(name: "location"))
            }
            let state = try await bench.call(.GET, 1, location)
            #expect(state.headers.first(name: "range") == "0-\(bytes.count - 1)")
            let ended = try await bench.call(
                .PUT, 1, location + "?digest=\(digest)", ["Content-Length": "0"], body: [])
            #expect(ended.status == 201)
            #expect(bench.holders(of: digest).count >= 2)
        }
    }

    @Test func `A wrong digest is refused, and nothing is kept anywhere`() async throws {
        try await Bench.with(3) { bench in
            let bytes = sample(300_000, seed: 6)
            let wrong = digest(of: [1])
            #expect(try await bench.push(bytes, to: 0, as: wrong) == 400)
            try await wait(10, for: "no leftovers") {
                try (0..<3).allSatisfy { index in
                    try FileManager.default.contentsOfDirectory(atPath: bench.work.path("origin\(index)/uploads"))
                        .isEmpty
                }
            }
            #expect(bench.holders(of: wrong) == [])
            #expect(bench.holders(of: digest(of: bytes)) == [])
        }
    }

    @Test func `Who owns nothing of a blob passes it on to the owners`() async throws {
        var settings = quick
        settings.replicas = 2
        try await Bench.with(4, settings) { bench in
            for seed in 1..<5 as Range<UInt64> {
                let bytes = sample(400_000, seed: seed)
                let digest = digest(of: bytes)
                let owners = try bench.owners(of: digest)
                let other = try #require((0..<4).first { !owners.contains($0) })
                #expect(try await bench.push(bytes, to: other) == 201)
                #expect(bench.holders(of: digest).isSuperset(of: owners))
                try await wait(90, for: "only owners") { bench.holders(of: digest) == Set(owners) }
            }
        }
    }

    @Test func `An origin that is in no list passes a push on, and keeps nothing of it`() async throws {
        try await Bench.with(3, list: 2) { bench in
            let bytes = sample(400_000, seed: 10)
            let digest = digest(of: bytes)
            #expect(try await bench.push(bytes, to: 2) == 201)
            try await wait(60, for: "the owners alone") { bench.holders(of: digest) == [0, 1] }
            #expect(try await bench.read(digest, from: 2).body == bytes)
        }
    }

    @Test func `With an owner down a push succeeds at the others, and it gets its copy when it is back`() async throws {
        try await Bench.with(3) { bench in
            await bench.stop(2)
            let bytes = sample(500_000, seed: 8)
            let digest = digest(of: bytes)
            // At this moment nobody knows yet that it is down.
            #expect(try await bench.push(bytes, to: 0) == 201)
            #expect(bench.holders(of: digest) == [0, 1])
            await bench.stop(1)
            let alone = sample(500_000, seed: 9)
            #expect(try await bench.push(alone, to: 0) == 201, "the others are known to be down after a while")
            try await bench.start(1)
            try await bench.start(2)
            try await wait(20, for: "copies") {
                bench.holders(of: digest).count == 3 && bench.holders(of: BlobDigest(SHA256.digest(alone))).count == 3
            }
        }
    }
}
