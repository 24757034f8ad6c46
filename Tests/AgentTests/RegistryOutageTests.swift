import Agent
import Foundation
import Hashing
import JSON
import OCI
import Registry
import RegistryClient
import Synchronization
import TestSupport
import Testing
import Text

@Suite(.serialized) struct `An agent whose registry is away` {
    @Test func `asks all parts of an earlier run's list once, and goes on with the list`() async throws {
        // Accepts connections and closes them.
        try await RawServer.with({ _, _ in [.close] }) { server in
            let url = try #require(HTTPURL("http://127.0.0.1:\(server.port)"))
            let known = try #require(
                Cluster([
                    "origins": [], "trackers": [],
                    "indexes": [.string(url.text), .string("http://localhost:\(server.port)")],
                ]))
            let view = RegistryView(url, credential: nil, known: known)
            async let first = view.parts(now: 100)
            async let second = view.parts(now: 100)
            let both = try await [first, second]
            #expect(both == [known, known])
            let asked = server.requests.count
            #expect(asked > 0)
            #expect(try await view.parts(now: 101) == known)
            #expect(server.requests.count == asked)
            await view.shutdown()
        }
    }

    @Test func `gives callers with tokens what their names have, and no blob of other names`() async throws {
        let place = try TemporaryDirectory(inMemory: true)
        let bytes: [UInt8] = [1, 2, 3]
        try await TestRegistry.run { registry in
            try await registry.push([("a", bytes)], as: "team/app:1")
            try await TestAgent.run(registry, in: place) { agent in
                let preloaded = try await agent.ask("/preload/tags/team/app:1")
                #expect(preloaded.status == 200)
            }
        }
        try await TestRegistry.run { registry in
            let nowhere = try #require(HTTPURL("http://127.0.0.1:1"))
            try await TestAgent.run(registry, in: place, at: nowhere) { agent in
                let digest = BlobDigest(SHA256.digest(bytes))
                let limited = AgentIndex(agent.agent, givesAnyCached: false)
                #expect(agent.isCached(digest))
                let (own, other) = (try #require(ContentName("team/app")), try #require(ContentName("team/other")))
                // Each of these waits until the registry was asked in vain.
                let open = AgentIndex(agent.agent, givesAnyCached: true)
                let found = await withTaskGroup(of: (String, Bool?).self) { group in
                    group.addTask { ("own", try? await limited.hasBlob(digest, in: own)) }
                    group.addTask { ("other", try? await limited.hasBlob(digest, in: other)) }
                    group.addTask { ("any", try? await open.hasBlob(digest, in: other)) }
                    return await group.reduce(into: [String: Bool]()) { $0[$1.0] = $1.1 }
                }
                #expect(found == ["own": true, "any": true], "another name's blob is not told of")
            }
        }
    }

    @Test func `answers from what it knows while the registry is silent`() async throws {
        let place = try TemporaryDirectory(inMemory: true)
        let bytes: [UInt8] = [1, 2, 3]
        try await TestRegistry.run { registry in
            try await registry.push([("a", bytes)], as: "team/app:latest")
            try await TestAgent.run(registry, in: place) { agent async throws in
                #expect(try await agent.ask("/preload/tags/team/app:latest").status == 200)
            }
        }
        try await RawServer.with({ _, _ in [.hang] }) { server in
            let silent = try #require(HTTPURL(server.url("")))
            try await TestRegistry.run { registry in
                try await TestAgent.run(registry, in: place, at: silent, hush: Hush(first: .milliseconds(500))) {
                    agent async throws in
                    let begun = ContinuousClock.now
                    let digest = BlobDigest(SHA256.digest(bytes))
                    // A tag that may have moved, a file of it, and a blob of which nobody asked before.
                    #expect(try await agent.ask("/tags/team%2Fapp:latest").status == 200)
                    #expect(try await agent.ask("/v1/files/team/app:latest/a").body == bytes)
                    #expect(try await agent.ask("/v2/team/app/blobs/\(digest)").body == bytes)
                    // Its client alone would wait for half a minute, three times.
                    #expect(ContinuousClock.now - begun < .seconds(20))
                }
            }
        }
    }

    @Test func `listens at no path where something else than a socket is`() async throws {
        let place = try TemporaryDirectory()
        try place.write("file", [7])
        try await TestRegistry.run { registry in
            try await TestAgent.run(registry) { agent in
                #expect(throws: (any Error).self) {
                    try DescriptorDoor(agent.agent, path: place.path("file"), logger: quiet)
                }
                #expect(FileManager.default.contents(atPath: place.path("file")) == Data([7]))
                // The socket of an agent that has ended is replaced.
                for _ in 0..<2 { _ = try DescriptorDoor(agent.agent, path: place.path("socket"), logger: quiet) }
            }
        }
    }
}
