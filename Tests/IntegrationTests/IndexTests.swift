import Foundation
import TestSupport
import Testing

@Suite("An index", .serialized)
struct IndexTests {
    @Test func `is killed: known tags are given by agents, all else is a 503, and it is back at once`() async throws {
        let registry = try await TestIndexes()
        let image = try await registry.originClient.put(["one"], as: "team/app", "1")
        #expect(image.status == 201, "\(image)")
        let other = try await registry.originClient.put(["two"], as: "team/app", "2")
        #expect(other.status == 201, "\(other)")
        let agent = try await registry.agent()
        let known = try await registry.tag("team/app:1", at: agent.api)
        #expect(known.status == 200)
        func pull(_ reference: String, to directory: String) async throws -> Command {
            try await Command.ending([
                Swoop.path, "pull", reference, "-o", registry.work.path(directory), "--agent",
                registry.work.path("agent.sock"), "--registry", "http://\(registry.indexes[0])",
            ])
        }
        let first = try await pull("team/app:1", to: "first")
        #expect(first.status == 0, "\(first)")
        try await registry.kill()
        let again = try await pull("team/app:1", to: "again")
        #expect(again.status == 0, "\(again)")
        #expect(
            try SampleFiles.snapshot(registry.work.path("again")) == SampleFiles.snapshot(registry.work.path("first")))
        let unknown = try await pull("team/app:2", to: "again")
        #expect(unknown.status == 1 && unknown.errors.contains("does not answer"), "\(unknown)")
        let kept = try await registry.tag("team/app:1", at: agent.api)
        #expect(kept.digest == known.digest)
        #expect(try await registry.tag("team/app:2", at: agent.api).status == 503)
        for path in ["/v2/team/app/manifests/1", "/v2/team/app/tags/list"] {
            let refused = try await registry.originClient.call("GET", path)
            #expect(refused.status == 503, "\(refused)")
        }
        let put = try await registry.originClient.put(OCIClient.manifest(["one"]), as: "team/app", "3")
        #expect(put.status == 503, "\(put)")
        let clock = ContinuousClock()
        let began = clock.now
        try await registry.restart()
        #expect(try await registry.tag("team/app:1", at: registry.indexes[0]).status == 200)
        #expect(clock.now - began < .seconds(20))
        #expect(try await registry.originClient.call("GET", "/v2/team/app/manifests/1").status == 200)
        #expect(try await registry.tag("team/app:2", at: agent.api).status == 200)
        #expect(try await registry.originClient.put(OCIClient.manifest(["one"]), as: "team/app", "3").status == 201)
        // What only indexes do is asked of one, whichever part of the registry is named.
        for words in [["index", "gc", "--dry-run"], ["warm", "team/app:2", "--wait"]] {
            // The agent comes back to the index a while after that is there again.
            try await wait(60, for: words.joined(separator: " ")) {
                try await Command.ending(
                    [Swoop.path] + words + ["--registry", "http://\(registry.originClient.authority)"]
                ).status == 0
            }
        }
        try await agent.program.stop()
    }

    @Test func `is killed in the middle of puts: none that was answered is lost`() async throws {
        let registry = try await TestIndexes()
        let digest = try await registry.originClient.upload("content", to: "team/app")
        var answered: [String] = []
        for round in 0..<4 {
            let (index, program) = (registry.indexes[0], registry.programs[0])
            answered += try await withThrowingTaskGroup(of: [String].self) { group -> [String] in
                for client in 0..<4 {
                    group.addTask {
                        // One connection for many requests; each answer is a line.
                        let puts = (0..<2_000).flatMap { number in
                            [
                                "-X", "PUT", "-o", "/dev/null", "-w", "%{http_code} r\(round)-\(client)-\(number)\\n",
                                "http://\(index)/tags/team/app:r\(round)-\(client)-\(number)/digest/\(digest)",
                                "--next",
                            ]
                        }
                        let ended = try await Command.ending(["curl", "-s", "--fail-early"] + puts.dropLast())
                        let lines = ended.output.split(separator: "\n").filter { $0.hasPrefix("200 ") }
                        return lines.map { String($0.dropFirst(4)) }
                    }
                }
                group.addTask {
                    try await wait(120, for: "puts") {
                        let metrics = try await OCIClient(authority: index).call("GET", "/metrics").body
                        let line = metrics.split(separator: "\n").first {
                            $0.contains("requests_total") && $0.contains("\"tag\"") && $0.contains("2xx")
                        }
                        return line?.split(separator: " ").last.flatMap { Double($0) } ?? 0 > 60
                    }
                    program.send(SIGKILL)
                    return []
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            _ = try await program.ending()
            try await registry.restart()
        }
        #expect(answered.count > 200, "puts: \(answered.count)")
        // One connection for many requests again.
        let index = registry.indexes[0]
        for first in stride(from: 0, to: answered.count, by: 1_000) {
            let tags = answered[first..<min(first + 1_000, answered.count)]
            let urls = tags.map { "http://\(index)/tags/team/app:\($0)" }
            let ended = try await Command.ending(["curl", "-s", "-w", "\\n"] + urls)
            let digests = ended.output.split(separator: "\n")
            #expect(digests.count == tags.count && digests.allSatisfy { $0 == digest }, "\(Set(digests))")
        }
    }

    @Test func `comes up before PostgreSQL, and outlives its restart`() async throws {
        let server = try await PostgresServer.start()
        let database = try await server.database()
        try await server.stop()
        let registry = try await TestIndexes(1, database: database)
        let index = registry.client()
        let early = try await index.call("GET", "/v1/names/team/app/tags/1")
        #expect(early.status == 503 && early.headers["retry-after"] == "1", "\(early)")
        #expect(early.json["code"] as? String == "INDEX_UNAVAILABLE")
        #expect(try await index.call("GET", "/readyz").status == 503)
        #expect(try await index.call("GET", "/healthz").status == 200)
        try await server.restart()
        try await wait(30, for: "the index") { try await index.call("GET", "/readyz").status == 200 }
        let put = try await registry.originClient.put(["one"], as: "team/app", "1")
        #expect(put.status == 201, "\(put)")
        try await server.stop()
        #expect(try await registry.tag("team/app:1", at: registry.indexes[0]).status == 503)
        #expect(try await registry.originClient.call("GET", "/v2/team/app/manifests/1").status == 503)
        try await server.restart()
        try await wait(30, for: "the index") {
            try await registry.tag("team/app:1", at: registry.indexes[0]).status == 200
        }
        #expect(try await registry.originClient.call("GET", "/v2/team/app/manifests/1").status == 200)
        let next = try await registry.originClient.put(["two"], as: "team/app", "2")
        #expect(next.status == 201, "\(next)")
        // One of the indexes that have it dies: another takes its place.
    }

    @Test func `with others over one database: one dies, and origins and agents go to the next`() async throws {
        let server = try await PostgresServer.start()
        let registry = try await TestIndexes(2, database: try await server.database())
        #expect(try await registry.originClient.put(["one"], as: "team/app", "1").status == 201)
        let agent = try await registry.agent()
        #expect(try await registry.tag("team/app:1", at: agent.api).status == 200)
        try await registry.kill(0)
        #expect(try await registry.originClient.put(["two"], as: "team/app", "2").status == 201)
        #expect(try await registry.tag("team/app:2", at: agent.api).status == 200)
        #expect(try await registry.tag("team/app:2", at: registry.indexes[1]).status == 200)
        try await registry.restart(0)
        #expect(try await registry.tag("team/app:2", at: registry.indexes[0]).status == 200)
        try await agent.program.stop()
    }

    @Test func `tells who waits there what was put at another one of the same database`() async throws {
        let server = try await PostgresServer.start()
        let registry = try await TestIndexes(2, database: try await server.database())
        let digests = try await [
            registry.originClient.upload("one", to: "team/app"), registry.originClient.upload("two", to: "team/app"),
        ]
        let clock = ContinuousClock()
        let id = String(repeating: "0123456789abcdef", count: 2)
        var known = try await registry.client(1).call("GET", "/v1/watch?id=\(id)")
        for round in 0..<6 {
            let (epoch, last) = (known.json["epoch"] as? String ?? "", known.json["last"] as? Int ?? -1)
            let (place, waiter) = (round % 3 == 2 ? 1 : 0, registry.client(1))
            async let news = waiter.call("GET", "/v1/watch?id=\(id)&epoch=\(epoch)&last=\(last)")
            let put = try await registry.client(place).call(
                "PUT", "/tags/team/app:latest/digest/\(digests[round % 2])")
            #expect(put.status == 200, "\(put)")
            let began = clock.now
            known = try await news
            // A watch without news is answered after a minute.
            #expect(clock.now - began < .seconds(15))
            let event = try #require((known.json["events"] as? [[String: Any]])?.first, "\(known)")
            #expect(event["reference"] as? String == "team/app:latest")
            #expect(event["digest"] as? String == digests[round % 2])
            // Each once.
            #expect((known.json["events"] as? [Any])?.count == 1)
        }
    }

    @Test func `moves a mutable tag for all readers, at any index and agent`() async throws {
        let server = try await PostgresServer.start()
        let registry = try await TestIndexes(2, database: try await server.database())
        let agents = try await [registry.agent("a"), registry.agent("b")]
        let digests = try await [
            registry.originClient.upload("one", to: "team/app"), registry.originClient.upload("two", to: "team/app"),
        ]
        for round in 0..<8 {
            let digest = digests[round % 2]
            let put = try await registry.client(round % 3 % 2).call("PUT", "/tags/team/app:latest/digest/\(digest)")
            #expect(put.status == 200, "\(put)")
            for reader in registry.indexes + agents.map(\.api) {
                #expect(try await registry.tag("team/app:latest", at: reader).digest == digest, "\(reader)")
            }
            for index in registry.indexes {
                let resolved = try await OCIClient(authority: index).call("GET", "/v1/resolve/team/app:latest")
                #expect(resolved.json["digest"] as? String == digest)
            }
            let file = try await OCIClient(authority: agents[0].api).call("GET", "/v1/files/team/app:latest/app")
            #expect(file.body == (round % 2 == 0 ? "one" : "two"), "\(file)")
        }
        for agent in agents { try await agent.program.stop() }
    }
}
