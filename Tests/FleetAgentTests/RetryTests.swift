import Fleet
import FleetAgent
import JSON
import TestSupport
import Testing

/// Another attempt after a job has ended: control was ordered to try again.
@Suite(.serialized) struct RetryTests {
    private func withPair(
        terms: JSONValue, _ change: (inout AgentConfiguration) -> Void = { _ in },
        _ body: (TestControl, TestHost, TestHost, String) async throws -> Void
    ) async throws {
        try await inDirectory { place in
            let control = TestControl(terms: terms)
            let sender = try TestHost(0, control, in: TemporaryDirectory(in: place.path), change)
            let receiver = try TestHost(1, control, in: TemporaryDirectory(in: place.path), change)
            for host in [sender, receiver] { try await host.start() }
            try sender.directory.write("source/image", randomBytes(900_000, seed: 3))
            do {
                let order = SendOrder(className: "app", path: sender.directory.path("source/image"))
                let job = try await sender.agent.send(order).plan.job
                try await wait(for: "delivery") { control.has("delivered", of: receiver.node) }
                try await body(control, sender, receiver, job)
            } catch {
                for host in [sender, receiver] { await host.stop() }
                throw error
            }
            for host in [sender, receiver] { await host.stop() }
        }
    }

    @Test(arguments: ["versions", "replace"])
    func `a hook is run again, and what is in its place is not received again`(_ publish: String) async throws {
        try await inDirectory { notes in
            let change = { (configuration: inout AgentConfiguration) in
                var hook = HookSettings()
                let runs = notes.path("runs")
                hook.run = ["/bin/sh", "-c", "echo x >> \(runs); test $(wc -l < \(runs)) -ge 2"]
                configuration.hooks["restart"] = hook
            }
            let terms: JSONValue = ["dest": "app", "publish": .string(publish), "hook": "restart"]
            try await withPair(terms: terms, change) { control, sender, receiver, job in
                let node = receiver.node
                await control.command(node, job, .switches(at: nil))
                try await wait(for: "the failure") { control.has("failed", of: node) }
                await control.all(job, .end)
                // Neither a source nor the agent that received it is there any more.
                await sender.stop()
                await receiver.stop()
                try await receiver.start()
                let before = control.reports(of: node).count
                let offer = try #require(control.offer(job))
                await control.command(node, job, .offer(offer), attempt: 2)
                try await wait(for: "the end") { control.has("done", of: node) }
                let said = control.reports(of: node).dropFirst(before).filter { $0.attempt == 2 }.map(\.report.name)
                #expect(said.first == "delivered" && !said.contains("receiving"), "\(said)")
                #expect(notes.read("runs") == Array("x\nx\n".utf8))
            }
        }
    }

    @Test func `a sender whose job had ended gives once more`() async throws {
        try await withPair(terms: ["dest": "app"]) { control, sender, receiver, job in
            let node = receiver.node
            await control.command(node, job, .cancel)
            await control.all(job, .end)
            try await wait(for: "the removal") { receiver.directory.names("root/.swoop").isEmpty }
            let before = control.reports(of: node).count
            await control.command(sender.node, job, .resume)
            let offer = try #require(control.offer(job))
            await control.command(node, job, .offer(offer), attempt: 2)
            try await wait(for: "the second delivery") {
                control.reports(of: node).dropFirst(before).contains { $0.report.name == "delivered" }
            }
        }
    }
}
