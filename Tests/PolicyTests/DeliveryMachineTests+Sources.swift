import Policy
import Testing

// Sources that are dead, slow, silent or dear, and who takes their files over.
extension DeliveryMachineTests {
    @Test func `a dead source hands its files over and progress says why`() {
        for rebalance in Rebalance.allCases {
            var run = simulation(plan(rebalance: rebalance))
            run.troubles.obs = .connectionRefused(host: "obs.example")
            run.start()
            run.run(seconds: 5)
            #expect(run.machine.notes.contains("obs has no source left: obs.example refuses the connection"))
            #expect(run.machine.notes.contains("cdn takes over"))
            run.run(seconds: 3600)
            #expect(run.machine.phase == .finished)
            #expect((3..<6).allSatisfy { run.cameFrom[$0] == .cdn })
        }
    }

    @Test func `a file moves to torrents only if the torrent has it`() {
        var run = simulation(plan())
        run.troubles.obs = .status(404)
        run.troubles.cdn = .nameNotResolved(host: "cdn.example")
        run.start()
        run.run(seconds: 600)
        #expect(run.machine.phase == .fetching)
        #expect((0..<3).allSatisfy { run.cameFrom[$0] == .bt })
        #expect((3..<9).allSatisfy { run.cameFrom[$0] == nil })
        #expect(run.machine.notes.contains("it is tried again"))
    }

    @Test func `all files move to torrents where the torrent is full`() {
        var plan = plan()
        plan.torrentFiles = Set(0..<9)
        var run = simulation(plan)
        run.troubles.obs = .status(410)
        run.troubles.cdn = .status(403)
        run.start()
        run.run(seconds: 600)
        #expect(run.machine.phase == .finished)
        #expect(sources(run) == Array(repeating: .bt, count: 9))
    }

    @Test func `a status that passes is no reason to hand over`() {
        var run = simulation(plan())
        run.troubles.obs = .status(503)
        run.start()
        run.run(seconds: 500)
        #expect(run.machine.status(.obs).noSource == nil)
        #expect(run.machine.status(.obs).files == [3, 4, 5])
    }

    @Test func `silence for the source timeout means no source`() throws {
        var run = simulation(plan(), obs: 0)
        run.start()
        run.run(seconds: 590)
        #expect(run.machine.status(.obs).noSource == nil)
        run.run(seconds: 11)
        #expect(run.machine.status(.obs).noSource == .silent(seconds: 600))
        #expect(run.machine.status(.cdn).files == [3, 4, 5])
        // It answers a probe: it gets one file to show what it can, which is handed over for good when it stalls again.
        run.run(seconds: 60)
        #expect(run.machine.status(.obs).files == [5])
        run.run(seconds: 600)
        #expect(run.machine.phase == .finished)
        #expect((3..<6).allSatisfy { run.cameFrom[$0] == .cdn })
    }

    @Test func `silence outside a window is no silence`() throws {
        var plan = plan()
        plan.windows.obs = try QuietWindow.parse("01:00-02:00")
        var run = simulation(plan)
        run.now.wall = try #require(china.instant(of: "2021-05-28 12:00:00"))
        run.start()
        run.run(seconds: 12 * 3600)
        #expect(run.machine.status(.obs).noSource == nil)
        #expect(run.machine.status(.obs).files == [3, 4, 5])
        run.run(seconds: 2 * 3600)
        #expect(run.machine.phase == .finished)
        #expect(sources(run) == shares)
    }

    @Test func `peers may be away for a while`() {
        var patient = plan()
        patient.settings.peerGrace = 30
        var run = simulation(patient)
        run.troubles.bt = .noPeerHasPiece
        run.start()
        run.run(seconds: 20)
        #expect(run.machine.status(.bt).noSource == nil)
        run.troubles.bt = nil
        run.run(seconds: 5)
        run.troubles.bt = .noPeerHasPiece
        run.run(seconds: 28)
        #expect(run.machine.status(.bt).noSource == nil)
        run.run(seconds: 40)
        #expect(run.machine.status(.bt).noSource == .noPeerHasPiece)
    }

    @Test func `a source is probed ever more seldom and takes part again`() {
        var plan = plan()
        plan.sizes = Array(repeating: 1_000_000_000, count: 9)
        var run = simulation(plan)
        run.troubles.obs = .connectionRefused(host: "obs.example")
        run.start()
        run.run(seconds: 400)
        let probes = run.actions.filter { $0.action == .probe(.obs) }.map(\.at.uptime)
        #expect((4...8).contains(probes.count))
        let gaps = zip(probes, probes.dropFirst()).map { $1 - $0 }
        #expect(zip(gaps, gaps.dropFirst()).allSatisfy { $0 < $1 })
        #expect(run.machine.status(.cdn).files == [3, 4, 5, 6, 7, 8])
        run.troubles.obs = nil
        run.run(seconds: 700)
        #expect(run.machine.status(.obs).noSource == nil)
        // What it was to bring comes back to it, but for what is here.
        #expect(Set(run.machine.status(.obs).files).isSubset(of: [3, 4, 5]))
        #expect(!run.machine.status(.obs).files.isEmpty)
        #expect(run.machine.notes.isEmpty)
        run.run(seconds: 20_000)
        #expect(run.machine.phase == .finished)
    }

    @Test func `a method without a source is not probed outside its window`() throws {
        var plan = plan(usable: [.obs])
        plan.homes = Array(repeating: .obs, count: 9)
        plan.windows.obs = try QuietWindow.parse("01:00-02:00")
        var run = simulation(plan)
        run.now.wall = try #require(china.instant(of: "2021-05-28 01:00:00"))
        run.troubles.obs = .status(404)
        run.start()
        run.run(seconds: 20 * 3600)
        let closing = try #require(china.instant(of: "2021-05-28 02:00:00"))
        #expect(run.count(.probe(.obs)) > 3)
        #expect(run.actions.allSatisfy { $0.action != .probe(.obs) || $0.at.wall < closing })
    }

    @Test func `a source that answers and gives nothing is asked ever more seldom`() {
        var run = simulation(plan(usable: [.bt, .obs]), obs: 0)
        run.start()
        run.run(seconds: 24 * 3600)
        // Each time ten minutes of silence, then a wait that grows to ten minutes.
        #expect((50...120).contains(run.count(.probe(.obs))))
        #expect(run.machine.phase == .fetching)
    }

    @Test func `with none shares are strict`() {
        var run = simulation(plan(), bt: 0.1, obs: 10, cdn: 10)
        run.start()
        run.run(seconds: 3600)
        #expect(run.machine.phase == .finished)
        #expect(sources(run) == shares)
    }

    @Test func `with idle a payable method takes over files of a slower one`() {
        var run = simulation(plan(rebalance: .idle, payable: [.cdn]), bt: 0.1, obs: 10, cdn: 10)
        run.start()
        run.run(seconds: 3600)
        #expect(run.machine.phase == .finished)
        #expect((0..<3).contains { run.cameFrom[$0] == .cdn })
        #expect(run.cameFrom.values.count { $0 == .obs } == 3)
        #expect(run.now.uptime - 1000 < 60)
    }

    @Test func `with idle a method that costs money takes nothing over unasked`() {
        var run = simulation(plan(rebalance: .idle), bt: 0.1, obs: 10, cdn: 10)
        run.start()
        run.run(seconds: 3600)
        #expect(run.machine.phase == .finished)
        #expect(sources(run) == shares)
    }

    @Test func `with idle peers take over what the torrent has`() {
        var plan = plan(rebalance: .idle)
        plan.torrentFiles = Set(0..<9)
        var run = simulation(plan, bt: 10, obs: 0.1, cdn: 0.1)
        run.start()
        run.run(seconds: 3600)
        #expect(run.machine.phase == .finished)
        #expect(run.cameFrom.values.count { $0 == .bt } > 5)
        #expect(run.now.uptime - 1000 < 110)
    }
}
