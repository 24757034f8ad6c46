import Address
import Fleet
import FleetAgent
import Foundation
import Glibc
import JSON
import TestSupport
import Testing
import Threads

/// Agents with real engines on the loopback interface, and a control in memory.
@Suite(.serialized) struct AgentTests {
    @Test func `a directory is received, and visible after the order to switch`() async throws {
        try await withFleet(terms: ["dest": "app", "check": "md5"]) { control, sender, receivers in
            try sender.fill("release")
            let job = try await sender.send("release")
            for host in receivers {
                try await wait(for: "delivery") { control.has("delivered", of: host.node) }
                #expect(!host.directory.exists("root/app"))
            }
            await control.all(job, .switches(at: nil))
            for host in receivers {
                try await wait(for: "the end") { control.has("done", of: host.node) }
                #expect(host.directory.read("root/app/release/big") == randomBytes(3_000_000, seed: 1))
                #expect(host.directory.read("root/app/release/sub/empty") == [])
                #expect(host.directory.names("root/app") == ["release"])
                let receipt = control.reports(of: host.node).last?.receipt ?? ""
                #expect(receipt.contains("\"outcome\":\"done\"") && receipt.contains("sub/small"))
                // However short the transfer: where its bytes came from.
                let json = try JSONValue.parse(Array(receipt.dropFirst("signed:".count).utf8))
                let told = try #require(control.reports(of: host.node).last?.sources)
                #expect(json["sources"]?["peers"]?.lenientInteger == told.total, "\(json)")
                #expect(told.total > 0)
            }
            await control.all(job, .end)
            for host in receivers {
                try await wait(for: "the records' end") { host.directory.names("root/.swoop").isEmpty }
            }
        }
    }

    @Test func `a switch at a moment happens then, not at the next check after it`() async throws {
        try await withFleet(1, terms: ["dest": "app"]) { control, sender, receivers in
            let host = receivers[0]
            try sender.fill("release")
            let job = try await sender.send("release")
            try await wait(for: "delivery") { control.has("delivered", of: host.node) }
            await host.stop()
            try await host.start(tick: 10)
            let moment = Clocks.wallSeconds + 4
            await control.command(host.node, job, .switches(at: moment))
            #expect(!host.directory.exists("root/app/release"))
            try await wait(for: "the switch") { host.directory.exists("root/app/release") }
            #expect((-0.05..<5).contains(Clocks.wallSeconds - moment))
        }
    }

    @Test func `a second release replaces the first in one step`() async throws {
        try await withFleet(1, terms: ["dest": "app"]) { control, sender, receivers in
            let host = receivers[0]
            for (number, seed) in [(1, UInt64(5)), (2, 6)] {
                try sender.fill("v\(number)", seed: seed)
                let job = try await sender.send("v\(number)", as: "current")
                await control.command(host.node, job, .switches(at: nil))
                try await wait(for: "the end of \(number)") {
                    control.reports(of: host.node).contains { $0.job == job && $0.report == .delivered }
                }
                await control.command(host.node, job, .switches(at: nil))
                try await wait(for: "the end of \(number)") {
                    control.reports(of: host.node).contains { $0.job == job && $0.report == .done }
                }
                #expect(host.directory.read("root/app/current/big") == randomBytes(3_000_000, seed: seed))
            }
        }
    }

    @Test func `what an earlier job brought is copied, not transferred again`() async throws {
        try await withFleet(1, terms: ["dest": "app", "publish": "versions"]) { control, sender, receivers in
            let host = receivers[0]
            for (number, seed) in [(1, UInt64(5)), (2, 5)] {
                try sender.fill("v\(number)", seed: seed)
                if number == 2 { try sender.directory.write("source/v2/new", randomBytes(100_000, seed: 9)) }
                let job = try await sender.send("v\(number)")
                try await wait(for: "delivery") {
                    control.reports(of: host.node).contains { $0.job == job && $0.report == .delivered }
                }
                await control.command(host.node, job, .switches(at: nil))
                try await wait(for: "the end") {
                    control.reports(of: host.node).contains { $0.job == job && $0.report == .done }
                }
            }
            let receipt = control.reports(of: host.node).last?.receipt ?? ""
            let json = try JSONValue.parse(Array(receipt.dropFirst("signed:".count).utf8))
            #expect(json["sources"]?["local"] == .integer(3_000_010))
            #expect((json["sources"]?["peers"]?.lenientInteger ?? .max) < 1_000_000)
            #expect(host.directory.read("root/app/current/big") == randomBytes(3_000_000, seed: 5))
            #expect(host.directory.read("root/app/current/new") == randomBytes(100_000, seed: 9))
        }
    }

    @Test func `what no job put there is not replaced unless the file says so`() async throws {
        try await withFleet(1, terms: ["dest": "app"]) { control, sender, receivers in
            let host = receivers[0]
            try host.directory.makeDirectory("root/app")
            try host.directory.write("root/app/release", "mine")
            try sender.fill("release")
            _ = try await sender.send("release")
            try await wait(for: "the refusal") { control.has("refused", of: host.node) }
            let last = try #require(control.reports(of: host.node).last)
            #expect(last.report == .refused(key: "receive.overwrite"))
            let receipt = try JSONValue.parse(Array((last.receipt ?? "").dropFirst("signed:".count).utf8))
            #expect(receipt["outcome"] == "refused" && receipt["code"] == "receive.overwrite", "\(receipt)")
            #expect(receipt["job"]?.stringValue == last.job && receipt["path"] == nil, "\(receipt)")
            #expect(host.directory.read("root/app/release") == Array("mine".utf8))
        }
    }

    @Test func `versions lie beside each other, a link leads to the current one, and a rollback points it back`()
        async throws
    {
        try await withFleet(1, terms: ["dest": "app", "publish": "versions", "keep": 1]) { control, sender, receivers in
            let host = receivers[0]
            var jobs: [String] = []
            for number in 1...3 {
                try sender.fill("v\(number)", seed: UInt64(number))
                let job = try await sender.send("v\(number)")
                jobs.append(job)
                try await wait(for: "delivery") {
                    control.reports(of: host.node).contains { $0.job == job && $0.report == .delivered }
                }
                #expect(host.directory.exists("root/app/releases/\(job)/big"))
                await control.command(host.node, job, .switches(at: nil))
                try await wait(for: "the end") {
                    control.reports(of: host.node).contains { $0.job == job && $0.report == .done }
                }
                #expect(host.directory.read("root/app/current/big") == randomBytes(3_000_000, seed: UInt64(number)))
            }
            #expect(host.directory.names("root/app/releases").sorted() == [jobs[1], jobs[2]].sorted())
            let offer = try #require(control.offer(jobs[1]))
            await control.command(host.node, "r-1", .restore(offer, version: jobs[1]))
            await control.command(host.node, "r-1", .switches(at: nil))
            try await wait(for: "the rollback") {
                control.reports(of: host.node).contains { $0.job == "r-1" && $0.report == .done }
            }
            #expect(host.directory.read("root/app/current/big") == randomBytes(3_000_000, seed: 2))
            await control.command(host.node, "r-2", .restore(offer, version: jobs[0]))
            try await wait(for: "the lack") {
                control.reports(of: host.node).contains { $0.job == "r-2" && $0.report.name == "failed" }
            }
        }
    }

    @Test func `a single file lands under its name`() async throws {
        try await withFleet(1, terms: ["dest": "images", "check": "crc32c"]) { control, sender, receivers in
            try sender.directory.write("source/a.iso", randomBytes(500_000))
            let job = try await sender.send("a.iso")
            try await wait(for: "delivery") { control.has("delivered", of: receivers[0].node) }
            await control.command(receivers[0].node, job, .switches(at: nil))
            try await wait(for: "the end") { control.has("done", of: receivers[0].node) }
            #expect(receivers[0].directory.read("root/images/a.iso") == randomBytes(500_000))
        }
    }

    @Test func `an agent that is started again goes on where it was`() async throws {
        try await withFleet(1, terms: ["dest": "app"]) { control, sender, receivers in
            let host = receivers[0]
            try sender.fill("release")
            let job = try await sender.send("release")
            try await wait(for: "delivery") { control.has("delivered", of: host.node) }
            await host.stop()
            try await host.start()
            await control.command(host.node, job, .switches(at: nil))
            try await wait(for: "the end") { control.has("done", of: host.node) }
            #expect(host.directory.read("root/app/release/big") == randomBytes(3_000_000, seed: 1))
            // A sender too: it gives on.
            await sender.stop()
            try await sender.start()
            #expect(control.state.withLock { $0.jobs[job]?.abandoned } == nil)
        }
    }

    /// However far the agent has come with the offer.
    @Test func `a job that is offered while the agent stops runs at its next start, and not after the stop`()
        async throws
    {
        try await withFleet(1, terms: ["dest": "app"]) { control, sender, receivers in
            let host = receivers[0]
            try sender.fill("release")
            let first = try await sender.send("release")
            try await wait(for: "delivery") { control.has("delivered", of: host.node) }
            let offer = try #require(control.offer(first))
            for yields in 0..<12 {
                let job = "late-\(yields)"
                async let isTaken = control.command(host.node, job, .offer(offer))
                for _ in 0..<yields { await Task.yield() }
                await host.stop()
                let said = control.reports(of: host.node).count
                let taken = await isTaken
                // Its word comes before the stop has ended, or at the next start.
                #expect(control.reports(of: host.node).count == said, "\(yields)")
                try await host.start()
                guard taken else { continue }
                try await wait(for: "the job") { control.reports(of: host.node).contains { $0.job == job } }
            }
        }
    }

    /// A job that was cancelled when a host had its content, which is removed again.
    private func cancelled(_ host: TestHost, _ sender: TestHost, _ control: TestControl) async throws -> String {
        try sender.fill("release")
        let job = try await sender.send("release")
        try await wait(for: "delivery") { control.has("delivered", of: host.node) }
        await control.command(host.node, job, .cancel)
        try await wait(for: "the word") { control.has("cancelled", of: host.node) }
        try await wait(for: "the removal") { host.directory.names("root/.swoop").isEmpty }
        return job
    }

    @Test func `cancel removes what is unfinished`() async throws {
        try await withFleet(1, terms: ["dest": "app"]) { control, sender, receivers in
            let host = receivers[0]
            _ = try await cancelled(host, sender, control)
            #expect(!host.directory.exists("root/app"))
        }
    }

    @Test func `what a cancel that was cut short has left is removed at the next start`() async throws {
        try await withFleet(1, terms: ["dest": "app"]) { control, sender, receivers in
            let host = receivers[0]
            let job = try await cancelled(host, sender, control)
            await host.stop()
            if !host.directory.exists("root/.swoop") { try host.directory.makeDirectory("root/.swoop") }
            try host.directory.makeDirectory("root/.swoop/\(job)")
            try host.directory.write("root/.swoop/\(job)/content", "left")
            try await host.start()
            try await wait(for: "the second removal") { host.directory.names("root/.swoop").isEmpty }
        }
    }

    @Test func `an address of loopback that the file names is told, and has to be free`() async throws {
        try await inDirectory { place in
            let control = TestControl(terms: [:])
            let first = try TestHost(1, control, in: TemporaryDirectory(in: place.path), tellsLoopback: false) {
                $0.listen = PeerAddress("127.0.0.1:0").map { .address($0) }
            }
            try await first.start()
            let told = await first.agent.facts().addresses
            #expect(told.count == 1 && told.first?.isLoopback == true)
            let second = try TestHost(2, control, in: TemporaryDirectory(in: place.path)) {
                $0.listen = told.first.map { .address($0) }
            }
            await #expect(throws: AgentListenProblem.self) { try await second.start() }
            await second.stop()
            await first.stop()
        }
    }

    @Test func `a host sends only from the directories of its file`() async throws {
        try await withFleet(1, terms: ["dest": "app"]) { _, sender, _ in
            try sender.directory.write("elsewhere", "x")
            symlink(sender.directory.path("elsewhere"), sender.directory.path("source/link"))
            for path in ["elsewhere", "source/link", "source/../elsewhere", "nothing"] {
                do throws(SendProblem) {
                    _ = try await sender.agent.send(SendOrder(className: "app", path: sender.directory.path(path)))
                    Issue.record("\(path) was sent")
                } catch { #expect(error.code == "send.roots") }
            }
        }
    }

    @Test func `a link in the root does not lead content out of it`() async throws {
        try await withFleet(1, terms: ["dest": "app/x"]) { control, sender, receivers in
            let host = receivers[0]
            try host.directory.makeDirectory("outside")
            symlink(host.directory.path("outside"), host.directory.path("root/app"))
            try sender.fill("release")
            _ = try await sender.send("release")
            try await wait(for: "the refusal") { control.has("refused", of: host.node) }
            #expect(host.directory.names("outside").isEmpty)
        }
    }
}
