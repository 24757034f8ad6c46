import Fleet
import FleetStore
import Hashing
import JSON
import TestSupport
import Testing
import Text

@testable import Control

/// Webhooks, at a server of this process.
@Suite struct WebhookTests {
    private func with(
        events: [String] = [], _ body: (ControlBench, TestServer) async throws -> Void
    ) async throws {
        let bench = try await ControlBench()
        let server = try TestServer()
        defer { server.stop() }
        try bench.directory.write("hook.key", "a secret\nnot this\n", mode: 0o600)
        var hook = ControlConfiguration.Webhook()
        (hook.url, hook.secretFile, hook.events) = ("\(server.url)/callback", bench.directory.path("hook.key"), events)
        let notifier = Notifier(bench.core, [hook], logger: ControlBench.silent)
        do { try await body(bench, server) } catch {
            await notifier.stop()
            throw error
        }
        await notifier.stop()
    }

    private func note(_ bench: ControlBench, _ action: String) async throws {
        try await bench.core.store.note(action, "n-1", ["name": "web-1"], by: bench.act)
        await bench.core.changes.follow()
    }

    /// HMAC-SHA256 (RFC 2104).
    private func code(_ message: [UInt8], _ key: String) -> String {
        let block = Array(key.utf8) + [UInt8](repeating: 0, count: 64 - key.utf8.count)
        let inner = SHA256.digest(block.map { $0 ^ 0x36 } + message)
        return SHA256.digest(block.map { $0 ^ 0x5c } + inner.bytes).hex
    }

    @Test func `are signed with the first line of their key's file, and say what happened`() async throws {
        try await with(events: ["node.away"]) { bench, server in
            try await note(bench, "node.space")
            try await note(bench, "node.away")
            try await wait(for: "the call") { server.state.withLock { !$0.callbacks.isEmpty } }
            let (bodies, headers) = server.state.withLock { ($0.callbacks, $0.callbackHeaders) }
            #expect(bodies.count == 1)
            let body = try #require(bodies.first)
            let json = try JSONValue.parse(Array(body.utf8))
            #expect(json["event"] == "node.away" && json["subject"] == "n-1" && json["detail"]?["name"] == "web-1")
            #expect(json["time"]?.stringValue?.hasSuffix("Z") == true)
            #expect(headers.first?["x-swoop-signature"] == "sha256=" + code(Array(body.utf8), "a secret"))
            #expect(headers.first?["content-type"] == "application/json")
        }
    }

    @Test func `are tried again, less and less often, with the same id, until they are answered`() async throws {
        try await with { bench, server in
            server.state.withLock { $0.refused = ["/callback": 503] }
            func refusals() -> Int { server.state.withLock { $0.refusals["/callback"] ?? 0 } }
            try await note(bench, "node.away")
            // Seconds until the next try: 4, 8, 16.
            for (number, pause) in [4.0, 8, 16].enumerated() {
                try await wait(for: "try \(number + 1)") { refusals() == number + 1 }
                bench.clock.pass(pause - 1)
                await bench.core.tick()
                #expect(refusals() == number + 1)
                bench.clock.pass(1)
            }
            try await wait(for: "try 4") { refusals() == 4 }
            server.state.withLock { $0.refused = [:] }
            bench.clock.pass(32)
            try await wait(for: "the answer") { server.state.withLock { !$0.callbacks.isEmpty } }
            #expect(server.state.withLock { $0.callbacks.count } == 1)
        }
    }

    @Test func `are given up after a day`() async throws {
        try await with { bench, server in
            server.state.withLock { $0.refused = ["/callback": 500] }
            func refusals() -> Int { server.state.withLock { $0.refusals["/callback"] ?? 0 } }
            try await note(bench, "node.away")
            try await wait(for: "the first try") { refusals() == 1 }
            bench.clock.pass(86_401)
            try await wait(for: "the last try") { refusals() == 2 }
            bench.clock.pass(86_401)
            try await note(bench, "node.away")
            try await wait(for: "the next event") { refusals() == 3 }
        }
    }

    @Test func `tell once of the end of a job`() async throws {
        try await with(events: ["job.held", "job.done"]) { bench, server in
            try await bench.defineRelease()
            let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
            let job = try await build.startJob()
            try await web.sync([(job, .receiving)])
            try await web.sync([(job, .delivered), (job, .done)])
            await bench.core.changes.follow()
            try await wait(for: "the call") { server.state.withLock { !$0.callbacks.isEmpty } }
            let events = server.state.withLock { $0.callbacks }.compactMap {
                try? JSONValue.parse(Array($0.utf8))["event"]?.stringValue
            }
            #expect(events == ["job.done"])
        }
    }
}
