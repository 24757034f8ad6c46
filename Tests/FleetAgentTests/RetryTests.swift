import Fleet
import FleetAgent
import Foundation
import JSON
import TestSupport
import Testing
import Threads

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
                #expect(await control.insist(node, job, .offer(offer), attempt: 2))
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
            #expect(await control.insist(node, job, .offer(offer), attempt: 2))
            try await wait(for: "the second delivery") {
                control.reports(of: node).dropFirst(before).contains { $0.report.name == "delivered" }
            }
        }
    }

    @Test func `an offer of a job whose files are being deleted is given back at once, and taken when they are gone`()
        async throws
    {
        try await withPair(terms: ["dest": "app"]) { control, _, receiver, job in
            let node = receiver.node
            await control.command(node, job, .cancel)
            try await wait(for: "the removal") { await receiver.agent.isIdle(job) }
            await receiver.agent.set(job, isEnding: true)
            let offer = try #require(control.offer(job))
            let begin = Clocks.steadySeconds
            for _ in 0..<5 { #expect(await !control.command(node, job, .offer(offer), attempt: 2)) }
            #expect(Clocks.steadySeconds - begin < 5)
            await receiver.agent.set(job, isEnding: false)
            let before = control.reports(of: node).count
            #expect(await control.insist(node, job, .offer(offer), attempt: 2))
            try await wait(for: "the answer") { control.reports(of: node).count > before }
            #expect(control.reports(of: node).dropFirst(before).first?.report == .accepted)
        }
    }

    /// Where content of a job lies that was delivered and not published.
    private func kept(_ job: String, _ publish: String) -> String {
        publish == "versions" ? "root/app/releases/\(job)/image" : "root/.swoop/\(job)/content"
    }

    /// As when control was restored from a backup that is older than the job.
    @Test(arguments: ["versions", "replace"])
    func `what was delivered when control forgot the job stays, and is not received again`(_ publish: String)
        async throws
    {
        try await withPair(terms: ["dest": "app", "publish": .string(publish)]) { control, sender, receiver, job in
            let node = receiver.node
            await control.all(job, .end)
            try await wait(for: "the word") { control.has("cancelled", of: node) }
            let receipt = control.reports(of: node).last { $0.report == .cancelled }?.receipt ?? ""
            let json = try JSONValue.parse(Array(receipt.dropFirst("signed:".count).utf8))
            #expect(json["path"] == nil, "\(json)")
            // A further word of the end, and a restart, change nothing.
            await control.all(job, .end)
            await sender.stop()
            await receiver.stop()
            try await receiver.start()
            #expect(receiver.directory.read(kept(job, publish)) == randomBytes(900_000, seed: 3))
            let before = control.reports(of: node).count
            let offer = try #require(control.offer(job))
            #expect(await control.insist(node, job, .offer(offer), attempt: 2))
            await control.command(node, job, .switches(at: nil), attempt: 2)
            try await wait(for: "the end") { control.has("done", of: node) }
            let said = control.reports(of: node).dropFirst(before).filter { $0.attempt == 2 }.map(\.report.name)
            #expect(said.first == "delivered" && !said.contains("receiving"), "\(said)")
            let place = publish == "versions" ? "root/app/current/image" : "root/app/image"
            #expect(receiver.directory.read(place) == randomBytes(900_000, seed: 3))
        }
    }

    @Test func `a new job with content that was kept copies it, and kept content goes when its room is needed`()
        async throws
    {
        try await withPair(terms: ["dest": "app"]) { control, sender, receiver, job in
            let node = receiver.node
            await control.all(job, .end)
            try await wait(for: "the word") { control.has("cancelled", of: node) }
            func send() async throws -> String {
                let order = SendOrder(className: "app", path: sender.directory.path("source/image"))
                return try await sender.agent.send(order).plan.job
            }
            let next = try await send()
            try await wait(for: "delivery") {
                control.reports(of: node).contains { $0.job == next && $0.report == .delivered }
            }
            await control.command(node, next, .switches(at: nil))
            try await wait(for: "the end") { control.has("done", of: node) }
            let receipt = control.reports(of: node).last { $0.report == .done }?.receipt ?? ""
            let json = try JSONValue.parse(Array(receipt.dropFirst("signed:".count).utf8))
            #expect(json["sources"]?["local"] == .integer(900_000), "\(json)")
            #expect(receiver.directory.exists(kept(job, "replace")))
            // More is missing than the kept content takes: it stays.
            receiver.freeSpace.withLock { $0 = -1_000_000 }
            let last = try await send()
            try await wait(for: "the word of the full disk") {
                control.reports(of: node).contains { $0.job == last && $0.report == .waiting(.space) }
            }
            #expect(receiver.directory.exists(kept(job, "replace")))
            receiver.freeSpace.withLock { $0 = 100_000 }
            try await wait(for: "the removal") { !receiver.directory.exists(kept(job, "replace")) }
            #expect(receiver.directory.read("root/app/image") == randomBytes(900_000, seed: 3))
        }
    }

    /// As when the host was off from before the content was to go until after the record was.
    @Test(arguments: ["versions", "replace"])
    func `content that was kept longer than its record would be is deleted, and the record after it`(_ publish: String)
        async throws
    {
        try await withPair(terms: ["dest": "app", "publish": .string(publish)]) { control, _, receiver, job in
            await control.all(job, .end)
            try await wait(for: "the word") { control.has("cancelled", of: receiver.node) }
            await receiver.stop()
            let record = receiver.directory.path("data/jobs/\(job)")
            try #require(TargetFile.read(record)).change { $0.ended = 1 }
            #expect(receiver.directory.exists(kept(job, publish)))
            try await receiver.start()
            try await wait(for: "the removal") {
                !receiver.directory.exists(kept(job, publish)) && receiver.directory.names("root/.swoop").isEmpty
            }
            await receiver.stop()
            try await receiver.start()
            #expect(!receiver.directory.exists("data/jobs/\(job)"))
        }
    }

    /// Also where the class has left the agent's file since.
    @Test(arguments: ["versions", "replace"])
    func `a cancel that comes after the end removes content that was kept`(_ publish: String) async throws {
        try await withPair(terms: ["dest": "app", "publish": .string(publish)]) { control, sender, receiver, job in
            let node = receiver.node
            await control.all(job, .end)
            try await wait(for: "the word") { control.has("cancelled", of: node) }
            #expect(receiver.directory.exists(kept(job, publish)))
            await receiver.stop()
            try await receiver.start()
            var other = receiver.configuration
            other.receive.classes = ["other"]
            _ = await receiver.agent.reload(other)
            #expect(await control.insist(node, job, .cancel))
            try await wait(for: "the removal") { !receiver.directory.exists(kept(job, publish)) }
            _ = await receiver.agent.reload(receiver.configuration)
            // What is gone is not taken for content that is here.
            let before = control.reports(of: node).count
            let offer = try #require(control.offer(job))
            #expect(await control.insist(node, job, .offer(offer), attempt: 2))
            try await wait(for: "the answer") { control.reports(of: node).count > before }
            #expect(control.reports(of: node).dropFirst(before).first?.report == .accepted)
        }
    }

    @Test func `a cancel waits until it is stored that the content is in place`() async throws {
        try await withPair(terms: ["dest": "app"]) { control, sender, receiver, job in
            let node = receiver.node
            // What the host has published cannot be noted.
            let notes = receiver.directory.path("data/versions")
            try FileManager.default.removeItem(atPath: notes)
            try receiver.directory.write("data/versions", "")
            await control.command(node, job, .switches(at: nil))
            try await wait(for: "the content") { receiver.directory.exists("root/app/image") }
            #expect(await !control.command(node, job, .cancel))
            #expect(!control.has("cancelled", of: node))
            try FileManager.default.removeItem(atPath: notes)
            #expect(await control.insist(node, job, .cancel))
            try await wait(for: "the end") { control.has("done", of: node) }
            #expect(!control.has("cancelled", of: node))
            #expect(receiver.directory.read("root/app/image") == randomBytes(900_000, seed: 3))
        }
    }

    @Test func `a cancel waits for no other job's publication to remove what its own has left`() async throws {
        try await withPair(terms: ["dest": "app"]) { control, _, receiver, job in
            let part = "root/app/.swoop-publish/image/part"
            try receiver.directory.write(part, "left")
            let (turns, final) = (receiver.agent.context.publications, receiver.directory.path("root/app/image"))
            let (held, holding) = (AsyncStream<Void>.makeStream(), AsyncStream<Void>.makeStream())
            defer { held.continuation.finish() }
            let copying = Task {
                await turns.run(final) {
                    holding.continuation.finish()
                    for await _ in held.stream {}
                }
            }
            for await _ in holding.stream {}
            #expect(await control.insist(receiver.node, job, .cancel))
            try await wait(for: "the removal") { receiver.directory.names("root/.swoop").isEmpty }
            #expect(await control.insist(receiver.node, job, .end))
            #expect(receiver.directory.exists(part))
            held.continuation.finish()
            await copying.value
            await receiver.stop()
            #expect(!receiver.directory.exists(part))
            // An agent that was killed before has left it.
            try receiver.directory.write(part, "left")
            try await receiver.start()
            try await wait(for: "the second removal") { !receiver.directory.exists(part) }
        }
    }
}

extension FleetAgent {
    /// As while the files of an ended job are being deleted.
    fileprivate func set(_ job: String, isEnding: Bool) {
        if isEnding { ending.insert(job) } else { ending.remove(job) }
    }
}
