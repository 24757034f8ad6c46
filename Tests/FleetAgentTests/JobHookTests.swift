import Fleet
import FleetAgent
import JSON
import TestSupport
import Testing

/// Hooks of jobs, from the switch to the report of their end.
@Suite(.serialized) struct JobHookTests {
    /// Runs with a receiver that has content of a class with a hook, and has no order to switch yet.
    /// - Parameters:
    ///   - script: what the hook runs, made for a directory of its own.
    ///   - body: gets that directory too.
    private func withDelivery(
        args: JSONValue = [], retry: [Int] = [], script: @escaping @Sendable (TemporaryDirectory) -> String,
        _ body: @escaping (TestControl, TestHost, String, TemporaryDirectory) async throws -> Void
    ) async throws {
        try await inDirectory { notes in
            var hook = HookSettings()
            hook.run = ["/bin/sh", "-c", script(notes)]
            hook.retry = retry
            let terms: JSONValue = ["dest": "app", "hook": ["name": "restart", "args": args]]
            try await withFleet(1, terms: terms, { $0.hooks["restart"] = hook }) { control, sender, receivers in
                try sender.fill("release")
                let job = try await sender.send("release")
                try await wait(for: "delivery") { control.has("delivered", of: receivers[0].node) }
                try await body(control, receivers[0], job, notes)
            }
        }
    }

    /// A hook that goes on until the file `go` is there.
    private func patient(_ notes: TemporaryDirectory) -> String {
        "echo x >> \(notes.path("runs")); until test -e \(notes.path("go")); do sleep 0.02; done; exit 3"
    }

    @Test func `a hook runs after the switch, and another attempt follows a status to try again`() async throws {
        try await withDelivery(
            args: ["now"], retry: [75],
            script: { "echo $SWOOP_ARG_1 >> \($0.path("runs")); test -e $SWOOP_PATH/big || exit 9; exit 75" }
        ) { control, host, job, notes in
            await control.command(host.node, job, .switches(at: nil))
            try await wait(for: "the hook's end") { control.has("failed", of: host.node) }
            #expect(control.reports(of: host.node).last?.report == .failed(code: "hook_exit_75", again: true))
            let offer = try #require(control.offer(job))
            await control.command(host.node, job, .offer(offer), attempt: 2)
            try await wait(for: "the second") {
                control.reports(of: host.node).filter { $0.report.name == "failed" }.count == 2
            }
            #expect(notes.read("runs") == Array("now\nnow\n".utf8))
            #expect(control.reports(of: host.node).last?.attempt == 2)
        }
    }

    /// Control has ended the job while the hook ran, and there was no room for another event when it ended.
    @Test(arguments: [false, true])
    func `how a hook ended is told when there is room for it again`(restarts: Bool) async throws {
        try await withDelivery(script: patient) { control, host, job, notes in
            await control.command(host.node, job, .switches(at: nil))
            try await wait(for: "the hook") { notes.exists("runs") }
            await control.command(host.node, job, .end)
            control.state.withLock { $0.refusesReceipts = true }
            try notes.write("go", "")
            try await wait(for: "an event that is not taken") { control.state.withLock { $0.refusedReceipts } > 0 }
            if restarts {
                await host.stop()
                try await host.start()
            }
            control.state.withLock { $0.refusesReceipts = false }
            try await wait(30, for: "the hook's end") { control.has("failed", of: host.node) }
            let last = try #require(control.reports(of: host.node).last)
            #expect(last.report == .failed(code: "hook_exit_3", again: false) && last.receipt != nil)
            #expect(notes.read("runs") == Array("x\n".utf8))
        }
    }

    @Test(arguments: ["hook", "class"])
    func `how a hook ended is told with a receipt, though the file that came meanwhile refuses the job`(
        _ gone: String
    ) async throws {
        try await withDelivery(script: patient) { control, host, job, notes in
            await control.command(host.node, job, .switches(at: nil))
            try await wait(for: "the hook") { notes.exists("runs") }
            await host.stop()
            var other = host.configuration
            if gone == "hook" { other.hooks = [:] } else { other.receive.classes = ["other"] }
            try await host.start(other)
            try notes.write("go", "")
            try await wait(for: "the hook's end") { control.has("failed", of: host.node) }
            let last = try #require(control.reports(of: host.node).last)
            #expect(last.report == .failed(code: "hook_exit_3", again: false))
            let receipt = try JSONValue.parse(Array((last.receipt ?? "").dropFirst("signed:".count).utf8))
            #expect(receipt["hook"]?["status"] == .integer(3), "\(receipt)")
            #expect(notes.read("runs") == Array("x\n".utf8))
            #expect(!control.has("refused", of: host.node))
        }
    }

    @Test func `a hook that had not started when it left the file does not start`() async throws {
        try await withDelivery(script: patient) { control, host, job, notes in
            await host.stop()
            // As where the agent was killed right after the switch.
            let path = "data/jobs/\(job)/record.json"
            let stored = try #require(host.directory.read(path))
            var record = try #require(try JSONValue.parse(stored).objectValue)
            var life = try #require(record["life"]?.objectValue)
            life["stage"] = "switched"
            life["visible"] = true
            life["may_switch"] = true
            record["life"] = .object(life)
            try host.directory.write(path, JSONValue.object(record).encode())
            var other = host.configuration
            other.hooks = [:]
            try await host.start(other)
            try await wait(for: "the end") { control.has("failed", of: host.node) }
            let last = try #require(control.reports(of: host.node).last)
            #expect(last.report == .failed(code: "hook_not_started", again: false))
            #expect(last.receipt != nil && last.detail?.contains("file") == true)
            #expect(!notes.exists("runs"))
        }
    }
}
