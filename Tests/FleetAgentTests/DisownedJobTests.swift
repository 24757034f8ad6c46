import Fleet
import FleetAgent
import JSON
import TestSupport
import Testing

/// Jobs of an earlier run of the agent that its file does not permit any more.
@Suite(.serialized) struct DisownedJobTests {
    private let terms: JSONValue = ["dest": "app"]

    /// Starts a host again, with a file that permits another class only.
    private func restart(_ host: TestHost) async throws {
        await host.stop()
        var other = host.configuration
        other.receive.classes = ["other"]
        try await host.start(other)
    }

    private func life(_ job: String, at host: TestHost) -> TargetLife? {
        TargetFile.read(host.directory.path("data/jobs/\(job)"))?.now.life
    }

    @Test func `one that waits is refused, and nothing of it stays`() async throws {
        try await withFleet(1, terms: terms) { control, sender, receivers in
            let host = receivers[0]
            host.freeSpace.withLock { $0 = 0 }
            try sender.fill("release")
            let job = try await sender.send("release")
            try await wait(for: "the job") { control.has("waiting", of: host.node) }
            host.freeSpace.withLock { $0 = nil }
            try await restart(host)
            let last = try #require(control.reports(of: host.node).last)
            #expect(last.report == .refused(key: "receive.classes") && last.receipt != nil)
            #expect(life(job, at: host)?.isOver == true)
            try await wait(for: "its files' end") { host.directory.names("root/.swoop").isEmpty }
            // It is not told a second time, and what control says of the end is taken.
            let told = control.reports(of: host.node).count
            try await restart(host)
            #expect(control.reports(of: host.node).count == told)
            #expect(await control.insist(host.node, job, .end))
        }
    }

    @Test func `one that came whole and was not published is refused, and kept for a while`() async throws {
        try await withFleet(1, terms: terms) { control, sender, receivers in
            let host = receivers[0]
            try sender.fill("release")
            let job = try await sender.send("release")
            try await wait(for: "delivery") { control.has("delivered", of: host.node) }
            try await restart(host)
            #expect(control.reports(of: host.node).last?.report == .refused(key: "receive.classes"))
            #expect(life(job, at: host)?.isKept == true)
            #expect(host.directory.exists("root/.swoop/\(job)/content/big"))
            #expect(!host.directory.exists("root/app"))
            // A file that permits it again goes on with what is there.
            await host.stop()
            try await host.start()
            let offer = try #require(control.offer(job))
            #expect(await control.insist(host.node, job, .offer(offer), attempt: 2))
            #expect(await control.insist(host.node, job, .switches(at: nil), attempt: 2))
            try await wait(for: "the end") { control.has("done", of: host.node) }
            #expect(host.directory.read("root/app/release/big") == randomBytes(3_000_000, seed: 1))
        }
    }

    @Test func `one that had ended is told once more, and its record ends`() async throws {
        try await withFleet(1, terms: terms) { control, sender, receivers in
            let host = receivers[0]
            try sender.fill("release")
            let job = try await sender.send("release")
            try await wait(for: "delivery") { control.has("delivered", of: host.node) }
            await control.command(host.node, job, .switches(at: nil))
            try await wait(for: "the end") { control.has("done", of: host.node) }
            let receipt = control.reports(of: host.node).last?.receipt
            #expect(life(job, at: host)?.isOver == false)
            try await restart(host)
            let reports = control.reports(of: host.node)
            #expect(reports.suffix(2).map(\.report) == [.done, .done])
            #expect(receipt != nil && reports.last?.receipt == receipt)
            #expect(life(job, at: host)?.isOver == true)
            try await wait(for: "its files' end") { host.directory.names("root/.swoop").isEmpty }
            #expect(host.directory.read("root/app/release/big") == randomBytes(3_000_000, seed: 1))
            // It is tried again, and refused.
            let offer = try #require(control.offer(job))
            #expect(await control.insist(host.node, job, .offer(offer), attempt: 2))
            #expect(control.reports(of: host.node).last?.report == .refused(key: "receive.classes"))
        }
    }
}
