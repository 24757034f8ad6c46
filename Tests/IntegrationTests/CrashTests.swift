import Foundation
import Testing
import Text

@Suite("kill -9")
struct CrashTests {
    static let kills = 50

    /// Bytes that a killed process may have had in memory only: requests under way and pieces not whole yet.
    static let inFlight = 1 << 20

    @Test
    func `killed at 50 random instants, a download ends as it should and fetches again only what was in flight`()
        async throws
    {
        let size = 160 << 20
        let swarm = try await SmallSwarm(
            create: ["--piece-length", "256KiB"], seedOptions: ["--upload-limit", "12MB/s"]
        ) { try SampleFiles.file($0, size) }
        let directory = try swarm.newDirectory()
        var random = SeededGenerator(seed: 50)
        let before = try swarm.host.loopbackBytes()
        var kills = 0
        while kills < Self.kills {
            let receiver = try swarm.get(into: directory, "--seed-time", "0")
            // The randomness is the point: from before its first line to well into the transfer.
            try await Task.sleep(for: .milliseconds(random.below(400)))
            guard receiver.isRunning else { break }
            receiver.send(SIGKILL)
            _ = try await receiver.ending()
            kills += 1
            #expect(!SampleFiles.exists(directory + "/content"), "nothing unfinished has the name of the content")
        }
        #expect(kills == Self.kills, "it was complete after \(kills) kills: slow the seed down")
        let last = try await swarm.get(into: directory, "--seed-time", "0").ending(within: 120)
        #expect(last.status == 0, "\(last)")
        try swarm.expectCopy(in: directory)
        // Headers, announces and progress of the protocol take a few per cent of what is moved.
        let moved = try swarm.host.loopbackBytes() - before
        let again = moved - size - size / 20
        #expect(again <= kills * Self.inFlight, "\(again) bytes were fetched again")
    }
}
