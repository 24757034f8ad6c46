import Fleet
import FleetAgent
import Foundation
import JSON
import TestSupport
import Testing

@Suite struct `A send in trouble` {
    private func with(_ body: (TestControl, TestHost, TestHost) async throws -> Void) async throws {
        try await inDirectory { place in
            let control = TestControl(terms: ["dest": "app"])
            let hosts = try (0...1).map { number in
                try TestHost(UInt8(number), control, in: TemporaryDirectory(in: place.path))
            }
            try hosts[0].directory.write("source/release", randomBytes(300_000, seed: 3))
            do {
                for host in hosts { try await host.start() }
                try await body(control, hosts[0], hosts[1])
            } catch {
                for host in hosts { await host.stop() }
                throw error
            }
            for host in hosts { await host.stop() }
        }
    }

    private func send(_ host: TestHost) async throws -> String {
        let order = SendOrder(className: "app", path: host.directory.path("source/release"))
        return try await host.agent.send(order).plan.job
    }

    private func arrives(_ control: TestControl, _ job: String, at host: TestHost) async throws {
        try await wait(for: "delivery") { control.has("delivered", of: host.node) }
        #expect(control.state.withLock { $0.jobs[job]?.abandoned } == nil)
    }

    @Test func `with a pattern that is none is refused before there is a job`() async throws {
        try await with { control, sender, _ in
            let order = SendOrder(
                className: "app", path: sender.directory.path("source/release"), exclude: ["a", "(unclosed"])
            for isDry in [true, false] {
                do {
                    if isDry { _ = try await sender.agent.plan(order) } else { _ = try await sender.agent.send(order) }
                    Issue.record("it was accepted")
                } catch let problem as SendProblem {
                    #expect(problem.code == "pattern" && problem.description.contains("(unclosed"), "\(problem)")
                }
            }
            #expect(control.state.withLock { $0.jobs.isEmpty })
        }
    }

    /// Whoever looks at the job finds that it is over, while control has it go on.
    @Test func `is given on when its job goes on while it is being ended`() async throws {
        try await with { control, sender, receiver in
            let order = SendOrder(className: "app", path: sender.directory.path("source/release"))
            let (plan, runner) = try await sender.agent.send(order)
            try await arrives(control, plan.job, at: receiver)
            try await wait(for: "that it is given on") { runner.progress.phase == .running }
            for number in 0..<30 {
                control.state.withLock { $0.jobs[plan.job]?.isOver = true }
                let looked = Task { try? await runner.look() }
                let pauses = number % 10
                for _ in 0..<pauses { await Task.yield() }
                control.state.withLock { $0.jobs[plan.job]?.isOver = false }
                await runner.resume()
                _ = await looked.value
                // Where it came before the end, it comes once more.
                await runner.resume()
                try await wait(for: "that it is given on after \(pauses) pauses") {
                    let isServing = await runner.isServing
                    return isServing && runner.progress.phase == .running
                }
            }
        }
    }

    @Test func `starts once control is there again`() async throws {
        try await with { control, sender, receiver in
            control.state.withLock { $0.silentStarts = 3 }
            let job = try await send(sender)
            try await arrives(control, job, at: receiver)
            #expect(control.state.withLock { $0.silentStarts } < 0)
        }
    }

    @Test func `begins by an order that comes again, once control answers`() async throws {
        try await with { control, sender, receiver in
            control.state.withLock { $0.silentPlans = 1 }
            let order = SendOrder(className: "app", path: sender.directory.path("source/release"), job: "j-1")
            let command = FleetCommand(id: "c-1", job: "j-1", action: .send(order))
            #expect(await sender.agent.carryOut(command) == false)
            #expect(await sender.agent.carryOut(command) == true)
            // It is told again what it does already.
            #expect(await sender.agent.carryOut(command) == true)
            try await arrives(control, "j-1", at: receiver)
            #expect(control.state.withLock { $0.jobs.count } == 1)
        }
    }

    @Test
    func `goes on when its content is back after a restart`() async throws {
        try await with { control, sender, receiver in
            await receiver.stop()
            let job = try await send(sender)
            try await wait(for: "the start") { control.offer(job) != nil }
            await sender.stop()
            let (content, elsewhere) = (sender.directory.path("source/release"), sender.directory.path("elsewhere"))
            try FileManager.default.moveItem(atPath: content, toPath: elsewhere)
            try await sender.start()
            try await wait(for: "the trouble") { await states(sender).contains("failed") }
            try FileManager.default.moveItem(atPath: elsewhere, toPath: content)
            try await wait(for: "the end of it") { await states(sender) == ["running"] }
            #expect(control.state.withLock { $0.jobs[job]?.abandoned } == nil)
        }
    }

    @Test func `is forgotten when its job has ended, and its record is removed a month later`() async throws {
        try await with { control, sender, receiver in
            let job = try await send(sender)
            try await arrives(control, job, at: receiver)
            control.state.withLock { $0.jobs[job]?.isOver = true }
            try await wait(for: "the end") { await states(sender).isEmpty }
            let record = "data/sends/\(job)/send.json"
            #expect(sender.directory.exists(record))
            await sender.stop()
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -31 * 86_400)],
                ofItemAtPath: sender.directory.path(record))
            try await sender.start()
            try await wait(for: "the removal") { !sender.directory.exists(record) }
        }
    }

    /// Of its sends.
    private func states(_ host: TestHost) async -> [String] {
        let status = await host.agent.status(class: nil)
        return (status["sends"]?.arrayValue ?? []).compactMap { $0["state"]?.stringValue }
    }
}
