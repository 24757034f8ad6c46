import Address
import Admission
import Agent
import BlobNode
import Foundation
import Hashing
import JSON
import Registry
import RegistryClient
import TestSupport
import Testing
import Text

@Suite(.serialized) struct `An agent at an index` {
    private static func watch(_ agent: TestAgent, follow: [String]) async throws -> (IndexWatch, PullTable) {
        let pulls = PullTable(agent.agent)
        let watch = IndexWatch(
            agent.agent, pulls: pulls, follow: follow.isEmpty ? nil : try NamePatterns(follow), site: "east",
            logger: quiet)
        await watch.start()
        return (watch, pulls)
    }

    /// Pushes until the agent has begun to listen: what is put before that it does not hear of.
    private static func push(_ registry: TestRegistry, _ name: String, until: @escaping () async -> Bool) async throws {
        var number = 0
        try await wait(for: "a followed tag") {
            number += 1
            let bytes = randomBytes(100_000, seed: UInt64(number)).map { $0 | 1 }
            try? await registry.put([("a", bytes)], as: "\(name):\(number)")
            return await until()
        }
    }

    @Test func `pulls what is tagged, keeps it, and leaves the rest`() async throws {
        try await TestRegistry.run { registry in
            try await TestAgent.run(registry) { agent in
                let (watch, _) = try await Self.watch(agent, follow: ["team/.*:[0-9]+"])
                defer { watch.stop() }
                try await Self.push(registry, "team/app") { !agent.agent.followed.current.entries.isEmpty }
                try await registry.put([("a", [7])], as: "other/app:1")
                let followed = agent.agent.followed.current.entries
                #expect(followed.allSatisfy { $0.reference.name.text == "team/app" })
                let blobs = agent.agent.followed.blobs
                #expect(blobs.allSatisfy { agent.isCached(BlobDigest($0)) })
                // The cache may have nothing, and what is followed stays.
                var bounds = CacheBounds.forTests
                bounds.most = .bytes(1)
                let pinned = blobs
                let outcome = BlobCache(agent.agent.node, bounds) { pinned }
                    .makeRoom(underWay: [:], kept: [], given: [])
                #expect(Set(outcome.removed).isDisjoint(with: blobs) && !outcome.isEnough)
            }
        }
    }

    @Test func `remembers over restarts what it follows and what tags mean`() async throws {
        let place = try TemporaryDirectory(inMemory: true)
        try await TestRegistry.run { registry in
            try await registry.push([("a", [1, 2, 3])], as: "team/app:1")
            try await registry.push([("a", [4])], as: "team/app:latest")
            try await TestAgent.run(registry, in: place) { agent in
                let tag = try await agent.ask("/tags/team/app:1")
                let preload = try await agent.ask("/preload/tags/team/app:latest")
                #expect(tag.status == 200 && preload.status == 200)
                let latest = try #require(Reference("team/app:latest"))
                agent.agent.followed.change { $0.add(latest, []) }
            }
        }
        // The registry is gone now: a new one listens nowhere near.
        try await TestRegistry.run { other in
            try await TestAgent.run(other, in: place, at: try #require(HTTPURL("http://127.0.0.1:1"))) { agent in
                #expect(try await agent.ask("/tags/team/app:1").status == 200)
                #expect(try await agent.ask("/tags/team/app:latest").status == 200)
                #expect(try await agent.ask("/v1/files/team/app:latest/a").body == [4])
                let unknown = try await agent.ask("/tags/team/app:2")
                #expect(unknown.status == 503 && unknown.has("retry-after"))
                let ready = try await agent.ask("/readyz")
                #expect(ready.status == 503 && ready.text.contains("does not answer"))
                #expect(agent.agent.followed.current.entries.count == 1)
            }
        }
    }

    @Test func `pulls after a restart what was tagged while it was off, and not what was there before it came`()
        async throws
    {
        let place = try TemporaryDirectory(inMemory: true)
        try await TestRegistry.run { registry in
            // Long ago.
            try await registry.push([("a", [1])], as: "team/app:1")
            try await TestAgent.run(registry, in: place) { agent in
                let (watch, _) = try await Self.watch(agent, follow: ["team/.*"])
                defer { watch.stop() }
                try await wait(for: "what it heard") {
                    FileManager.default.fileExists(atPath: place.path("heard.json"))
                }
            }
            try await registry.put([("a", [2])], as: "team/app:2")
            try await registry.put([("a", [3])], as: "team/other/app:1")
            try await registry.put([("a", [4])], as: "else/app:1")
            try await TestAgent.run(registry, in: place) { agent in
                let (watch, _) = try await Self.watch(agent, follow: ["team/.*"])
                defer { watch.stop() }
                try await wait(for: "what was tagged unheard") { agent.agent.followed.current.entries.count >= 2 }
                let followed = Set(agent.agent.followed.current.entries.map(\.reference.description))
                #expect(followed == ["team/app:2", "team/other/app:1"])
                // What is heard from then on is pulled as always.
                try await registry.put([("a", [5])], as: "team/app:3")
                try await wait(for: "the next") { agent.agent.followed.current.entries.count == 3 }
            }
        }
    }

    @Test func `asks again what a mutable tag names`() async throws {
        try await TestRegistry.run { registry in
            try await registry.push([("a", [1])], as: "team/app:latest")
            try await TestAgent.run(registry) { agent in
                let first = try await agent.ask("/tags/team/app:latest").text
                try await registry.push([("a", [2])], as: "team/app:latest")
                #expect(try await agent.ask("/tags/team/app:latest").text != first)
            }
        }
    }

    @Test func `warms, and says how far it is`() async throws {
        try await TestRegistry.run { registry in
            let bytes = randomBytes(1 << 20).map { $0 | 1 }
            try await registry.push([("a", bytes)], as: "team/app:1")
            try await TestAgent.run(registry) { agent in
                let (watch, _) = try await Self.watch(agent, follow: [])
                defer { watch.stop() }
                let client = RegistryClient(base: try registry.url)
                var warming = JSONValue.null
                try await wait(for: "an agent that listens") {
                    let order: JSONValue = ["reference": "team/app:1", "hosts": 1]
                    warming = (try? await client.post(order, to: "/v1/warmings")) ?? .null
                    return warming != .null
                }
                let id = try #require(warming["id"]?.stringValue)
                try await wait(for: "the end of the warming") {
                    warming = (try? await client.document("/v1/warmings/\(id)", limit: 1 << 20)) ?? .null
                    return warming["state"] == "complete"
                }
                let host = try #require(warming["hosts"]?.arrayValue?.first)
                #expect(host["site"] == "east" && host["done"] == host["total"])
                // Ids of agents are theirs: who knows one could speak for it.
                #expect(host["watcher"] == nil && host["id"] == nil)
                await client.shutdown()
            }
        }
    }

    @Test func `lists tags and what is about a manifest, and else says what it does not do`() async throws {
        try await TestRegistry.run { registry in
            for tag in ["1", "2", "3"] { try await registry.push([("a", [1])], as: "team/app:\(tag)") }
            try await TestAgent.run(registry) { agent in
                #expect(try await agent.ask("/v2/team/app/tags/list").json["tags"] == ["1", "2", "3"])
                let page = try await agent.ask("/v2/team/app/tags/list?n=2&last=1")
                #expect(page.json["tags"] == ["2", "3"] && !page.has("link:"))
                #expect(
                    try await agent.ask("/v2/team/app/tags/list?n=1").has("link: </v2/team/app/tags/list?n=1&last=1>"))
                #expect(try await agent.ask("/v2/team/none/tags/list").status == 404)
                let digest = try await agent.ask("/tags/team/app:1").text
                let referrers = try await agent.ask("/v2/team/app/referrers/\(digest)")
                #expect(referrers.status == 200 && referrers.json["manifests"] == [])
                for (method, path) in [
                    ("GET", "_catalog"), ("POST", "team/app/blobs/uploads/"), ("PUT", "team/app/manifests/x"),
                ] {
                    let refusal = try await agent.ask("/v2/\(path)", method: method)
                    #expect(refusal.status == 405 && refusal.text.contains("UNSUPPORTED"), "\(method) \(path)")
                }
                // Kraken's clients take what a tag names for a blob.
                let manifest = try await agent.ask("/namespace/team%2Fapp/blobs/\(digest)")
                #expect(manifest.status == 200 && manifest.json["layers"] != nil)
            }
        }
    }
}

@Suite struct `References that are to be pulled` {
    private static func reference(_ text: String) throws -> Reference { try #require(Reference(text)) }

    @Test func `are pulled in the order in which they were tagged, so many at a time`() throws {
        var queue = FollowQueue(most: 3, atOnce: 2)
        let all = try ["a:1", "a:2", "a:3", "a:4"].map { try Self.reference($0) }
        for reference in all { queue.add(reference) }
        #expect(queue.next()?.reference == all[1], "the first had to go")
        #expect(queue.next()?.reference == all[2])
        #expect(queue.next() == nil)
        queue.ended(all[2])
        #expect(queue.next()?.reference == all[3])
        queue.ended(all[1])
        queue.ended(all[3])
        #expect(queue.isEmpty)
    }

    @Test func `wait for the end of their own pull when they are tagged again`() throws {
        var queue = FollowQueue(most: 10, atOnce: 2)
        let (moved, other) = (try Self.reference("a:latest"), try Self.reference("b:1"))
        queue.add(moved)
        #expect(queue.next()?.reference == moved)
        queue.add(moved)
        queue.add(moved)
        #expect(queue.next() == nil)
        queue.add(other)
        #expect(queue.next()?.reference == other)
        queue.ended(moved)
        #expect(queue.next()?.reference == moved)
        queue.ended(moved)
        queue.ended(other)
        #expect(queue.next() == nil && queue.isEmpty)
    }

    @Test func `wait with what their tag was put to last`() throws {
        var queue = FollowQueue(most: 10, atOnce: 2)
        let moved = try Self.reference("a:latest")
        let digests = (0..<2).map { BlobDigest(SHA256.digest([UInt8($0)])) }
        queue.add(moved, digest: digests[0])
        queue.add(moved, digest: digests[1])
        // Nothing is known of what it was put to.
        queue.add(moved)
        #expect(queue.isWaiting(moved))
        #expect(queue.next()?.digest == digests[1])
        #expect(!queue.isWaiting(moved))
    }
}
