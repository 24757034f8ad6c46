import Agent
import BlobNode
import Foundation
import Hashing
import JSON
import Registry
import TestSupport
import Testing
import Threads

@Suite(.serialized) struct `An agent` {
    private static let big = randomBytes(3 << 20).map { $0 | 1 }

    @Test func `answers with the first bytes while the rest arrives`() async throws {
        try await TestRegistry.run(upload: 1 << 20) { registry in
            let digest = try await registry.push(Self.big, to: "team/app")
            try await TestAgent.run(registry) { agent in
                let port = UInt16(agent.server.addresses[0].port)
                let path = "/namespace/team%2Fapp/blobs/\(digest)"
                let reply = try await Threads.offload { () -> Result<Reply, any Error> in
                    Result {
                        let request = try OpenRequest(port, path)
                        request.read(200_000)
                        #expect(!agent.isCached(digest), "bytes came before all of them were here")
                        return try request.rest()
                    }
                }.get()
                #expect(reply.status == 200 && reply.body == Self.big)
                try await wait(for: "the blob in the cache") { agent.isCached(digest) }
                let again = try await agent.ask(path, headers: ["Range: bytes=5-9"])
                #expect(again.status == 206 && again.body == Array(Self.big[5..<10]))
                #expect(again.has("etag: \"\(digest)\""))
            }
        }
    }

    @Test func `fetches first what is read`() async throws {
        try await TestRegistry.run(upload: 1 << 20) { registry in
            let bytes = randomBytes(8 << 20, seed: 2).map { $0 | 1 }
            try await registry.push([("model/a.bin", bytes), ("b", [1, 2, 3])], as: "team/model:1")
            let digest = BlobDigest(SHA256.digest(bytes))
            var settings = BlobFetches.Settings()
            settings.linger = .milliseconds(10)
            try await TestAgent.run(registry, settings: settings) { agent in
                let path = "/v1/files/team/model:1/model/a.bin"
                let reply = try await agent.ask(path, headers: ["Range: bytes=7340032-7340131"])
                #expect(reply.status == 206 && reply.body == Array(bytes[7_340_032..<7_340_132]))
                #expect(reply.has("etag: \"\(digest)\"") && reply.has("content-range: bytes 7340032-7340131/8388608"))
                // The only reader has gone: the fetch stops, and keeps what it has.
                try await wait(for: "the end of the fetch") { await agent.agent.fetches.digestsUnderWay.isEmpty }
                #expect(!agent.isCached(digest))
                #expect(agent.place.exists("downloads/\(digest.hex)/data"))
                #expect(try await agent.ask("/v1/files/team/model:1/b").body == [1, 2, 3])
                #expect(try await agent.ask("/v1/files/team/model:1/c").status == 404)
                #expect(try await agent.ask("/v1/files/team/model/b").status == 400)
                let head = try await agent.ask(path, method: "HEAD")
                #expect(head.status == 200 && head.has("content-length: 8388608"))
                let known = try await agent.ask(path, headers: ["If-None-Match: \"\(digest)\""])
                #expect(known.status == 304)
                let behind = try await agent.ask(path, headers: ["Range: bytes=8388608-"])
                #expect(behind.status == 416 && behind.has("content-range: bytes */8388608"))
                #expect(behind.has("content-type: application/problem+json"))
                #expect(try JSONValue.parse(behind.body)["code"] == "RANGE")
            }
        }
    }

    @Test func `says why nothing comes`() async throws {
        // A registry that gives next to nothing.
        try await TestRegistry.run(upload: 1) { registry in
            let bytes = randomBytes(8 << 20, seed: 12).map { $0 | 1 }
            try await registry.push([("a", bytes)], as: "team/slow:1")
            try await TestAgent.run(registry) { agent in
                let begun = try await agent.ask("/v1/pulls", method: "POST", body: #"{"reference":"team/slow:1"}"#)
                let id = try #require(begun.json["id"]?.stringValue)
                var trouble: String?
                try await wait(for: "a reason") {
                    trouble = try await agent.ask("/v1/pulls/\(id)").json["trouble"]?.stringValue
                    return trouble?.contains("sends nothing") == true
                }
                #expect(trouble == "the one peer that is connected sends nothing")
                #expect(try await agent.ask("/v1/pulls/\(id)", method: "DELETE").status == 204)
            }
        }
    }

    @Test func `goes on with what an earlier one had`() async throws {
        try await TestRegistry.run(upload: 2 << 20) { registry in
            let bytes = randomBytes(6 << 20, seed: 3).map { $0 | 1 }
            let digest = try await registry.push(bytes, to: "a")
            let place = try TemporaryDirectory(inMemory: true)
            try await TestAgent.run(registry, in: place) { agent in
                let name = try #require(ContentName("a"))
                let pull = Task { try await agent.agent.obtain(digest, in: digest, of: name) }
                try await wait(for: "half of it") {
                    await (agent.agent.fetches.progress(of: digest.sha256)?.done ?? 0) > 3 << 20
                }
                pull.cancel()
            }
            try await TestAgent.run(registry, in: place) { agent in
                let reply = try await agent.ask("/namespace/a/blobs/\(digest)")
                #expect(reply.body == bytes)
                #expect(await agent.agent.fetches.figures().received < 3 << 20)
            }
        }
    }

    @Test func `fetches no verified byte again after it was killed`() async throws {
        try await TestRegistry.run(upload: 2 << 20) { registry in
            let bytes = randomBytes(6 << 20, seed: 4).map { $0 | 1 }
            let digest = try await registry.push(bytes, to: "a")
            let killed = try TemporaryDirectory(inMemory: true)
            var done: Int64 = 0
            try await TestAgent.run(registry) { agent in
                let name = try #require(ContentName("a"))
                let pull = Task { try await agent.agent.obtain(digest, in: digest, of: name) }
                try await wait(for: "half of it") {
                    done = await agent.agent.fetches.progress(of: digest.sha256)?.done ?? 0
                    return done > 3 << 20
                }
                // What a kill at this moment would leave.
                try FileManager.default.copyItem(
                    atPath: agent.place.path + "/downloads", toPath: killed.path + "/downloads")
                pull.cancel()
            }
            try await TestAgent.run(registry, in: killed) { agent in
                let reply = try await agent.ask("/namespace/a/blobs/\(digest)")
                #expect(reply.body == bytes)
                #expect(await agent.agent.fetches.figures().received <= Int64(bytes.count) - done)
                // When it was used is known to the next run, whatever the file's own date.
                // The answer may be complete before the blob is in the catalogue.
                try await wait(for: "the blob") {
                    agent.agent.node.catalogue.touch(digest.sha256, at: 9_000_000_000) != nil
                }
            }
            try await TestAgent.run(registry, in: killed) { agent in
                #expect(agent.agent.node.catalogue.entry(of: digest.sha256)?.usedAt == 9_000_000_000)
            }
        }
    }

    @Test func `makes room with what was not used for longest, and never with what is read`() async throws {
        try await TestRegistry.run { registry in
            let blobs = (1...4).map { randomBytes(1 << 20, seed: UInt64($0)) }
            var digests: [BlobDigest] = []
            for blob in blobs { digests.append(try await registry.push(blob, to: "a")) }
            var bounds = CacheBounds.forTests
            bounds.most = .bytes(2 << 20)
            try await TestAgent.run(registry, bounds: bounds) { agent in
                func get(_ index: Int) async throws -> Reply {
                    let reply = try await agent.ask("/namespace/a/blobs/\(digests[index])")
                    try await wait(for: "the end of the answer") {
                        !agent.agent.node.catalogue.isOnLease(digests[index].sha256)
                    }
                    return reply
                }
                #expect(try await get(0).body == blobs[0])
                #expect(try await get(1).body == blobs[1])
                try await wait(for: "two blobs") { agent.isCached(digests[0]) && agent.isCached(digests[1]) }
                let lease = agent.agent.node.catalogue.lease(digests[0].sha256, at: 0)
                #expect(try await get(2).body == blobs[2])
                #expect(agent.isCached(digests[0]) && !agent.isCached(digests[1]))
                // A delete does not bite what is read either.
                #expect(try await agent.ask("/blobs/\(digests[0])", method: "DELETE").status == 409)
                // Its last byte is sent before it is whole and has its name.
                try await wait(for: "the blob in the cache") { agent.isCached(digests[2]) }
                let second = agent.agent.node.catalogue.lease(digests[2].sha256, at: 1)
                let full = try await get(3)
                #expect(full.status == 507 && full.text.contains("no space is left"))
                withExtendedLifetime((lease, second)) {}
            }
            // With the leases gone there is room.
            try await TestAgent.run(registry, bounds: bounds) { agent in
                for index in digests.indices {
                    #expect(try await agent.ask("/namespace/a/blobs/\(digests[index])").body == blobs[index])
                    try await wait(for: "the end of the answer") {
                        !agent.agent.node.catalogue.isOnLease(digests[index].sha256)
                    }
                }
                try await wait(for: "room") { agent.agent.node.catalogue.figures.bytes <= 2 << 20 }
            }
        }
    }

    @Test func `says how far the pulls are that programs asked for`() async throws {
        try await TestRegistry.run(upload: 1 << 20) { registry in
            try await registry.push([("a", Self.big), ("b", [1])], as: "team/app:1")
            try await TestAgent.run(registry) { agent in
                #expect(try await agent.ask("/v1/pulls", method: "POST", body: "{}").status == 400)
                let begun = try await agent.ask("/v1/pulls", method: "POST", body: #"{"reference":"team/app:1"}"#)
                #expect(begun.status == 202)
                let id = try #require(begun.json["id"]?.stringValue)
                try await wait(for: "progress") {
                    let pull = try await agent.ask("/v1/pulls/\(id)").json
                    return pull["state"]?.stringValue == "fetching" && (pull["done"]?.lenientInteger ?? 0) > 1_000
                }
                let blobs = try await agent.ask("/v1/blobs").json["blobs"]?.arrayValue ?? []
                #expect(blobs.contains { $0["peers"]?.lenientInteger == 1 })
                let events = try await agent.ask("/v1/pulls/\(id)/events")
                #expect(events.text.contains("event: pull") && events.text.contains(#""state":"complete""#))
                let total = Int64(Self.big.count) + 3
                let pull = try await agent.ask("/v1/pulls/\(id)").json
                #expect(pull["done"]?.lenientInteger == total && pull["total"]?.lenientInteger == total)
                let page = try await agent.ask("/metrics").text
                // Small blobs come with the registry's answers.
                let received = try #require(
                    page.split(separator: "\n").compactMap { line -> Int? in
                        guard line.hasPrefix(#"swoop_agent_received_bytes_total{from="origins"} "#) else { return nil }
                        return line.split(separator: " ").last.flatMap { Int($0) }
                    }.first)
                #expect(received >= Self.big.count)
                #expect(page.contains(#"swoop_agent_received_bytes_total{from="peers"} 0"#))
                #expect(page.contains("swoop_agent_pull_seconds_count 1\n"))
                #expect(try await agent.ask("/v1/pulls/\(id)", method: "DELETE").status == 204)
                #expect(try await agent.ask("/v1/pulls/\(id)").status == 404)

                let unknown = try await agent.ask("/v1/pulls", method: "POST", body: #"{"reference":"team/app:2"}"#)
                let other = try #require(unknown.json["id"]?.stringValue)
                try await wait(for: "its end") {
                    try await agent.ask("/v1/pulls/\(other)").json["code"]?.stringValue == "UNKNOWN"
                }
            }
        }
    }

    @Test func `stops a pull that is deleted, and fetches a blob once for all who ask`() async throws {
        try await TestRegistry.run(upload: 1 << 20) { registry in
            try await registry.push([("a", Self.big)], as: "app:1")
            let digest = BlobDigest(SHA256.digest(Self.big))
            var settings = BlobFetches.Settings()
            settings.linger = .milliseconds(10)
            try await TestAgent.run(registry, settings: settings) { agent in
                let begun = try await agent.ask("/v1/pulls", method: "POST", body: #"{"reference":"app:1"}"#)
                let id = try #require(begun.json["id"]?.stringValue)
                try await wait(for: "a fetch") {
                    await (agent.agent.fetches.progress(of: digest.sha256)?.done ?? 0) > 0
                }
                #expect(try await agent.ask("/v1/pulls/\(id)", method: "DELETE").status == 204)
                try await wait(for: "its end") { await agent.agent.fetches.digestsUnderWay.isEmpty }
                #expect(try await agent.ask("/v1/pulls/\(id)").json["state"]?.stringValue == "stopped")
                #expect(!agent.isCached(digest))
                let replies = try await withThrowingTaskGroup(of: Reply.self) { group in
                    for _ in 0..<4 { group.addTask { try await agent.ask("/v2/app/blobs/\(digest)") } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(replies.allSatisfy { $0.status == 200 && $0.body == Self.big })
                #expect(await agent.agent.fetches.figures().received <= Int64(Self.big.count) + (1 << 18))
            }
        }
    }
}
