import HTTPOrigin
import Jobs
import Policy
import TestSupport
import Testing

/// One life of a delivery, for a front end that is no task file.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct `A job` {
    @Test func `is fetched, checked, published and ended, and its front end hears of each once`() async throws {
        let place = try await JobPlace()
        let runner = place.runner()
        await runner.start()
        try await wait(for: "end") { place.store.told.ended == 1 }
        for file in place.job.files {
            let bytes = TemporaryDirectory.read(place.final + "/" + file.path)
            #expect(bytes == TemporaryDirectory.read(place.directory.path + "/source/film/" + file.path))
        }
        #expect(PathFiles.exists(place.final + ".finished"))
        #expect(place.store.told.events == [.complete, .finished])
        #expect(place.store.told.freed == 1)
        #expect(place.store.told.counts[.received(.cdn)] == 370_001)
        #expect(place.store.now.state == .over && place.store.now.record.completed != nil)
        #expect(runner.status.received == PerMethod(bt: 0, obs: 0, cdn: 370_001))
        #expect(runner.status.state == .over && runner.status.notes.isEmpty)
        await place.swarm.shutdown()
    }

    @Test func `shows what is to come before its runner has begun`() async throws {
        let place = try await JobPlace()
        let status = place.runner(JobRecord(local: [2])).status
        #expect(status.pending == PerMethod(bt: 0, obs: 0, cdn: 300_000) && status.localBytes == 70_001)
        let served = place.runner(JobRecord(), .serving).status
        #expect(served.received == PerMethod(bt: 0, obs: 0, cdn: 370_001) && served.pending.cdn == 0)
        // A record may be older than the job.
        #expect(place.runner(JobRecord(local: [2, 7, -1])).status.localBytes == 70_001)
        await place.swarm.shutdown()
    }

    @Test func `without digests of whole files is as complete as its pieces`() async throws {
        let place = try await JobPlace(digests: false)
        await place.runner().start()
        try await wait(for: "end") { place.store.told.ended == 1 }
        #expect(TemporaryDirectory.read(place.final + "/f2")?.count == 70_001)
        await place.swarm.shutdown()
    }

    /// Each kind as the source told it, and one that it did not tell as such.
    static let troubles: [(SourceReason, SourceTrouble)] = [
        (SourceReason(.status(404), "gone"), .status(404)),
        (SourceReason(.unresolved(host: "h"), "no such name"), .nameNotResolved(host: "h")),
        (SourceReason(.unreachable(host: "h"), "refused"), .connectionRefused(host: "h")),
        ("closed for today", .unusable("closed for today")),
    ]

    @Test(arguments: troubles)
    func `has its source's trouble as the source met it, and goes on when that is over`(
        reason: SourceReason, trouble: SourceTrouble
    ) async throws {
        let place = try await JobPlace()
        place.source.set(reason)
        let runner = place.runner()
        await runner.start()
        try await wait(for: "note") { runner.status.notes.contains("\(trouble)") }
        place.source.set(nil)
        try await wait(for: "end") { place.store.told.ended == 1 }
        #expect(place.store.told.events == [.complete, .finished])
        await place.swarm.shutdown()
    }

    @Test func `keeps nothing of the probes that it has made`() async throws {
        let place = try await JobPlace()
        place.source.set("closed for today")
        let runner = place.runner()
        await runner.start()
        let idle = place.source.fetches
        try await wait(for: "probes") { place.source.fetches > idle + 10 }
        // Two follow the transfers, one may probe.
        #expect(runner.children.count <= 3)
        await runner.stop()
        try await wait(for: "end of all") { runner.children.count == 0 }
        await place.swarm.shutdown()
    }

    @Test func `that was served before a restart is not fetched again`() async throws {
        let place = try await JobPlace(seedTime: 3600)
        let runner = place.runner()
        await runner.start()
        try await wait(for: "service") { place.store.now.state == .serving && place.store.told.freed == 1 }
        await runner.stop()
        let (record, fetches) = (place.store.now.record, place.source.fetches)
        let again = place.runner(record, .serving)
        await again.start()
        try await wait(for: "figures") { again.status.received.cdn == 370_001 }
        #expect(again.status.state == .serving && place.source.fetches == fetches)
        await again.stop()
        // A service that ended while the process was not there ends now.
        var past = record
        past.completed = record.completed.map { $0 + -7200 }
        await place.runner(past, .serving).start()
        try await wait(for: "end") { place.store.told.ended == 1 }
        #expect(place.store.now.state == .over)
        await place.swarm.shutdown()
    }

    @Test func `that was stopped goes on with what it had`() async throws {
        let place = try await JobPlace()
        place.source.set("not yet")
        let runner = place.runner()
        await runner.start()
        try await wait(for: "note") { !runner.status.notes.isEmpty }
        await runner.stop()
        #expect(place.store.told.ended == 0 && place.store.now.state == .receiving)
        place.source.set(nil)
        let again = place.runner(place.store.now.record)
        await again.start()
        try await wait(for: "end") { place.store.told.ended == 1 }
        #expect(place.store.told.events == [.complete, .finished])
        await place.swarm.shutdown()
    }

    @Test func `that is stopped before its content may be published does not publish it later`() async throws {
        let place = try await JobPlace()
        let gate = Gate()
        var hooks = place.store.hooks
        hooks.mayPublish = { _ in
            await gate.pass()
            return true
        }
        let runner = place.runner(hooks: hooks)
        await runner.start()
        try await wait(for: "content that could be published") { gate.isWaitedFor }
        await runner.stop()
        gate.open()
        try await wait(for: "end of all") { runner.children.count == 0 }
        #expect(!PathFiles.exists(place.final) && !PathFiles.exists(place.final + ".finished"))
        #expect(!PathFiles.exists(place.final + ".torrent"))
        #expect(place.store.now.state == .receiving && place.store.told.events.isEmpty)
        await place.swarm.shutdown()
    }

    /// However far publication has come when the job is stopped.
    @Test func `that is stopped has published its content and recorded that, or neither`() async throws {
        for yields in 0..<8 {
            let place = try await JobPlace(seedTime: 3600)
            let reached = Gate()
            var hooks = place.store.hooks
            hooks.mayPublish = { _ in
                reached.open()
                return true
            }
            let runner = place.runner(hooks: hooks)
            let stopping = Task {
                await reached.pass()
                for _ in 0..<(yields * yields) { await Task.yield() }
                await runner.stop()
            }
            await runner.start()
            await stopping.value
            let isThere = PathFiles.exists(place.final)
            #expect(PathFiles.exists(place.final + ".finished") == isThere)
            #expect((place.store.now.state == .serving) == isThere)
            #expect(place.store.told.events == (isThere ? [.complete] : []))
            try await wait(for: "end of all") { runner.children.count == 0 }
            #expect(PathFiles.exists(place.final) == isThere)
            await place.swarm.shutdown()
        }
    }

    @Test func `whose publication was withdrawn says whether the content is at its final place`() async throws {
        let place = try await JobPlace(seedTime: 3600)
        let gate = Gate()
        var hooks = place.store.hooks
        hooks.mayPublish = { _ in
            await gate.pass()
            return true
        }
        let runner = place.runner(hooks: hooks)
        await runner.start()
        try await wait(for: "content that could be published") { gate.isWaitedFor }
        #expect(await !runner.withdraw())
        gate.open()
        await runner.stop()
        try await wait(for: "end of all") { runner.children.count == 0 }
        #expect(!PathFiles.exists(place.final))
        let again = place.runner(place.store.now.record)
        await again.start()
        try await wait(for: "service") { place.store.now.state == .serving }
        #expect(await again.withdraw())
        await again.stop()
        #expect(PathFiles.exists(place.final))
        await place.swarm.shutdown()
    }

    @Test func `whose final place is another's content fails with a reason`() async throws {
        let place = try await JobPlace()
        try place.directory.write("final/film.finished", [1, 2, 3])
        await place.runner().start()
        try await wait(for: "end") { place.store.told.ended == 1 }
        #expect(place.store.now.state == .failed)
        #expect(place.store.now.failure?.description.contains("final place") == true)
        #expect(place.directory.read("final/film.finished") == [1, 2, 3])
        await place.swarm.shutdown()
    }

    @Test func `that fails waits for no other job's publication to remove what its own has left`() async throws {
        let place = try await JobPlace()
        try place.directory.write("final/film.finished", [1, 2, 3])
        try place.directory.write("final/.swoop-publish/film/part", [7])
        let (gate, turns, final) = (Gate(), place.host.publications, place.final)
        let copying = Task { await turns.run(final) { await gate.pass() } }
        try await wait(for: "the other's publication") { gate.isWaitedFor }
        let runner = place.runner()
        await runner.start()
        try await wait(for: "end") { place.store.told.ended == 1 }
        await runner.stop()
        #expect(place.store.now.state == .failed && place.directory.exists("final/.swoop-publish/film/part"))
        gate.open()
        await copying.value
        await turns.finishBackground()
        #expect(!place.directory.exists("final/.swoop-publish"))
        await place.swarm.shutdown()
    }
}
