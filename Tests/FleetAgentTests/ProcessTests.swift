import Address
import Fleet
import FleetLink
import Foundation
import JSON
import Logging
import TestSupport
import Testing

/// The program itself: agents of three hosts, over TLS, with a control in the test's process.
@Suite(.serialized) struct ProcessTests {
    private func withFleet(
        terms: JSONValue, hook: String? = nil,
        _ body: (WireControl, AgentProcess, [(host: AgentProcess, node: NodeID)], TemporaryDirectory) async throws ->
            Void
    ) async throws {
        try await inDirectory { place in
            let control = try WireControl(terms: terms)
            var logger = Logger(label: "link")
            logger.logLevel = .critical
            let door = try await LinkDoor.start(
                control, at: ListenAddress(host: "127.0.0.1", port: 0), authority: control.authority, names: [],
                logger: logger)
            let sender = try AgentProcess("sender", in: place)
            let receivers = try (1...2).map { try AgentProcess("r\($0)", in: place, hook: hook) }
            do {
                for host in [sender] + receivers {
                    let joined = try await host.join(door, try await control.token())
                    try #require(joined.status == 0, "\(joined.errors)")
                }
                let nodes = await control.members.dropFirst()
                try await body(control, sender, Array(zip(receivers, nodes)).map { ($0, $1) }, place)
            } catch {
                await control.end()
                await door.stop()
                throw error
            }
            await control.end()
            await door.stop()
        }
    }

    private func fill(_ host: AgentProcess, _ bytes: Int) throws {
        try host.directory.makeDirectory("source/release")
        try host.directory.write("source/release/big", randomBytes(bytes, seed: 7))
        try host.directory.write("source/release/small", "x")
    }

    private func running(
        _ host: AgentProcess, _ process: ServerProcess
    ) async throws { try await wait(for: "the agent's socket") { host.directory.exists("data/agent.sock") } }

    @Test(.timeLimit(.minutes(5))) func `a send goes to all, and status and exit codes tell`() async throws {
        try await withFleet(terms: ["dest": "app", "check": "sha256"]) { control, sender, receivers, _ in
            try fill(sender, 2_000_000)
            var agents = [try sender.start()]
            for receiver in receivers { agents.append(try receiver.host.start()) }
            defer { for agent in agents { agent.kill() } }
            try await running(sender, agents[0])
            let path = sender.directory.path("source/release")
            let dry = try await sender.run("send", "-c", "app", "-p", path, "--dry-run")
            #expect(dry.status == 0 && dry.output.contains("1 of 2 would refuse: receive.roots"))
            let other = try await sender.run("send", "-c", "other", "-p", path)
            #expect(other.status == 5 && other.errors.contains("[sender]"))
            let outside = try await sender.run("send", "-c", "app", "-p", sender.directory.path("agent.yaml"))
            #expect(outside.status == 5 && outside.errors.contains("send.roots"))
            let sent = try await sender.run("send", "-c", "app", "-p", path, "--json")
            #expect(sent.status == 0, "\(sent.errors)")
            #expect(sent.output.contains("\"event\":\"complete\""))
            for receiver in receivers {
                #expect(receiver.host.directory.read("root/app/release/big") == randomBytes(2_000_000, seed: 7))
                let status = try await receiver.host.run("status")
                #expect(status.status == 0 && status.output.contains("done"))
            }
        }
    }

    /// Rounds of kills; `SWOOP_KILLS` for more.
    private static var kills: Int { ProcessInfo.processInfo.environment["SWOOP_KILLS"].flatMap { Int($0) } ?? 12 }

    @Test(.timeLimit(.minutes(20)))
    func `an agent that is killed at any instant runs no hook twice and shows nothing partial`()
        async throws
    {
        try await inDirectory { notes in
            let hook = "sleep 0.3; echo $SWOOP_JOB >> \(notes.path("runs"))"
            let terms: JSONValue = ["dest": "app", "check": "sha256", "hook": "note", "limits": ["down": "3MiB"]]
            try await withFleet(terms: terms, hook: hook) { control, sender, receivers, _ in
                try fill(sender, 8_000_000)
                let whole = randomBytes(8_000_000, seed: 7)
                let (host, node) = receivers[0]
                let source = try sender.start()
                let other = try receivers[1].host.start()
                defer {
                    source.kill()
                    other.kill()
                }
                try await running(sender, source)
                let sent = try await sender.run(
                    "send", "-c", "app", "-p", sender.directory.path("source/release"), "--detach")
                #expect(sent.status == 0)
                var generator = SystemRandomNumberGenerator()
                var kills = 0
                var ends = false
                while !ends {
                    let agent = try host.start()
                    let until = ContinuousClock.now + .milliseconds(Int.random(in: 50...1800, using: &generator))
                    while ContinuousClock.now < until || kills >= Self.kills {
                        if host.directory.exists("root/app/release") {
                            // What is visible is all of it, at every moment.
                            #expect(host.directory.read("root/app/release/big") == whole)
                            #expect(host.directory.read("root/app/release/small") == Array("x".utf8))
                        }
                        ends = await control.says("done", node) > 0
                        if ends { break }
                        try await Task.sleep(for: .milliseconds(20))
                    }
                    agent.kill()
                    kills += 1
                    try #require(kills < Self.kills + 3, "the job does not end")
                }
                let receipts = await control.all(node).compactMap(\.receipt)
                #expect(!receipts.isEmpty && Set(receipts).count == 1)
                let (failed, unknown) = await (control.says("failed", node), control.says("hook_unknown", node))
                #expect(failed == 0 && unknown == 0)
                try await wait(for: "the other host") { await control.says("done", receivers[1].node) > 0 }
                // One for each host.
                let runs = String(decoding: notes.read("runs") ?? [], as: UTF8.self).split(separator: "\n")
                #expect(runs.count == 2)
            }
        }
    }
}
