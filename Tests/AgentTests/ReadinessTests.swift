import Agent
import JSON
import Synchronization
import TestSupport
import Testing
import Text

@Suite(.serialized) struct `An agent says that nothing new can be pulled` {
    private static func send(_ status: String, _ body: String) -> [RawServer.Step] {
        [.send("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")]
    }

    /// Plays an index that is ready.
    private static func index(_ head: String, origins: String, isRefused: Bool) -> [RawServer.Step] {
        if head.hasPrefix("GET /readyz") { return send("200 OK", "ok\n") }
        guard head.hasPrefix("GET /v1/cluster") else { return send("404 Not Found", "") }
        guard !isRefused else {
            return send("401 Unauthorized", #"{"code":"TOKEN_EXPIRED","detail":"it has expired"}"#)
        }
        let line = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("host:") }
        let host = String(line ?? "").dropFirst(5).filter { $0 != " " }
        return send("200 OK", #"{"origins":[\#(origins)],"trackers":[],"indexes":["http://\#(host)"]}"#)
    }

    private func readiness(
        origins: String = "", _ isRefused: @escaping @Sendable () -> Bool, _ body: (TestAgent) async throws -> Void
    ) async throws {
        try await RawServer.with({ head, _ in Self.index(head, origins: origins, isRefused: isRefused()) }) { server in
            let url = try #require(HTTPURL(server.url("")))
            try await TestRegistry.run { registry in
                try await TestAgent.run(registry, at: url) { agent in try await body(agent) }
            }
        }
    }

    @Test func `while no origin answers`() async throws {
        let dead = #"{"url":"http://127.0.0.1:1","peers":"","host":"127.0.0.1:1"}"#
        try await readiness(origins: dead, { false }) { agent in
            let ready = try await agent.ask("/readyz")
            #expect(ready.status == 503 && ready.text.contains("127.0.0.1:1"), "\(ready.text)")
        }
    }

    @Test func `when the registry does not take its token any more`() async throws {
        let isRefused = Mutex(false)
        try await readiness({ isRefused.withLock { $0 } }) { agent in
            try await wait(for: "it to be ready") { try await agent.ask("/readyz").status == 200 }
            isRefused.withLock { $0 = true }
            let ready = try await agent.ask("/readyz")
            #expect(ready.status == 503, "\(ready.text)")
        }
    }
}
