import Foundation
import TestSupport
import Testing

/// What fails, or is scarce, in the middle of a job, with real processes. `Benchmarks/fleet/failures` does the same at length.
@Suite(.serialized) struct FleetFailureTests {
    /// So slow that something can happen meanwhile.
    private let slow: [String: Any] = ["hook": "note", "check": "sha1", "limits": ["down": "1MiB"]]

    private func wait(forAShareOf job: String, _ fleet: TestFleet, control: Int = 0) async throws {
        try await TestSupport.wait(for: "the first bytes") {
            try await fleet.bytes(of: job, control: control) > 200_000
        }
    }

    @Test(.timeLimit(.minutes(3)))
    func `a job reaches nodes of all controls, and goes on when one of them is gone`() async throws {
        let server = try await PostgresServer.start()
        let fleet = try await TestFleet(controls: 2, database: try await server.database())
        try await fleet.hosts(4)
        try await fleet.define("c", slow)
        try fleet.fill(8_000_000)
        let job = try await fleet.send("c")
        // Nodes are with one of the controls, chosen at random: none may be left out.
        try await TestSupport.wait(60, for: "all targets") {
            let states = try await fleet.states(of: job).values
            return states.count == 4 && states.allSatisfy { $0 != "offered" && !$0.hasPrefix("waiting") }
        }
        try await fleet.kill(1)
        try await fleet.isDone(job)
        try await fleet.isRight(job, in: "c", 4)
        // They come to the one that is left within 30 s; none is away meanwhile.
        try await TestSupport.wait(30, for: "the next job") {
            let contacts = try await fleet.contacts()
            return contacts.values.allSatisfy { $0 == "present" }
        }
        try fleet.fill(100_000, seed: 8)
        let next = try await fleet.send("c")
        try await fleet.isDone(next)
        try await fleet.isRight(next, in: "c", 4)
    }

    @Test(.timeLimit(.minutes(3)))
    func `without its database control says so, agents go on, and all is right after its return`() async throws {
        let server = try await PostgresServer.start()
        let fleet = try await TestFleet(database: try await server.database())
        try await fleet.hosts(2)
        try await fleet.define("c", slow)
        try fleet.fill(12_000_000)
        let job = try await fleet.send("c")
        try await wait(forAShareOf: job, fleet)
        try await server.stop()
        let change = try await fleet.ask("POST", "/v1/tokens", ["uses": 1])
        #expect(change.status == 503 && change.headers["retry-after"] != nil, "\(change)")
        try await TestSupport.wait(for: "control to say so") { try await fleet.ask("GET", "/readyz").status == 503 }
        // What is under way goes on: without a word of control all bytes arrive.
        try await TestSupport.wait(for: "all bytes") { fleet.received() >= 2 * 12_000_000 }
        try await server.restart()
        try await TestSupport.wait(30, for: "control to be ready") {
            guard try await fleet.ask("GET", "/readyz").status == 200 else { return false }
            return (200..<300).contains(try await fleet.ask("POST", "/v1/tokens", ["uses": 1]).status)
        }
        try await fleet.isDone(job)
        try await fleet.isRight(job, in: "c", 2)
    }

    @Test(.timeLimit(.minutes(3)))
    func `all nodes of a site together receive no more from outside than their class permits`() async throws {
        let fleet = try await TestFleet()
        try await fleet.hosts(3, haveSites: true)
        try await fleet.define("c", ["hook": "note", "limits": ["site": "1MiB"]])
        try fleet.fill(5 << 20)
        let start = ContinuousClock.now
        let job = try await fleet.send("c")
        try await fleet.isDone(job)
        // Each has all of it, but over the site's line it came about once: a second for each MiB. What a limit saves up while
        // nothing comes may pass at once.
        let took = ContinuousClock.now - start
        #expect(took > .seconds(3.5) && took < .seconds(60), "\(took)")
        try await fleet.isRight(job, in: "c", 3)
    }

    @Test(.timeLimit(.minutes(3)))
    func `control is killed again and again in a job, and nothing is lost`() async throws {
        let fleet = try await TestFleet()
        try await fleet.hosts(3)
        try await fleet.define("c", slow)
        try fleet.fill(3_000_000)
        let job = try await fleet.send("c")
        for _ in 0..<4 {
            // Somewhere in its work, which takes some three seconds.
            try await Task.sleep(for: .milliseconds(Int.random(in: 50...600)))
            try await fleet.kill()
            try await fleet.restart()
        }
        try await fleet.isDone(job)
        try await fleet.isRight(job, in: "c", 3)
    }

    @Test(.timeLimit(.minutes(3)))
    func `a control that comes back from yesterday's backup ends what it forgot, and works`() async throws {
        let fleet = try await TestFleet()
        try await fleet.hosts(2)
        try await fleet.define("c", slow)
        try fleet.fill(6_000_000)
        let backup = try await Swoop.run(
            "control", "backup", fleet.work.path("backup.db"), "--data", fleet.work.path("control0"))
        try #require(backup.status == 0, "\(backup)")
        let forgotten = try await fleet.send("c")
        try await wait(forAShareOf: forgotten, fleet)
        try await fleet.kill()
        for name in try FileManager.default.contentsOfDirectory(atPath: fleet.work.path("control0"))
        where name.hasPrefix("control.db") {
            try FileManager.default.removeItem(atPath: fleet.work.path("control0/\(name)"))
        }
        try FileManager.default.copyItem(
            atPath: fleet.work.path("backup.db"), toPath: fleet.work.path("control0/control.db"))
        try await fleet.restart()
        #expect(try await fleet.ask("GET", "/v1/jobs/\(forgotten)").status == 404)
        try fleet.fill(100_000, seed: 8)
        try await TestSupport.wait(for: "all nodes") {
            try await fleet.contacts().values.allSatisfy { $0 == "present" }
        }
        let next = try await fleet.send("c")
        try await fleet.isDone(next)
        try await fleet.isRight(next, in: "c", 2)
        // The one that was forgotten has ended: its working files are gone.
        try await TestSupport.wait(for: "the end of the forgotten job") {
            (1...2).allSatisfy { !fleet.work.exists("r\($0)/files/.swoop/\(forgotten)") }
        }
    }
}
