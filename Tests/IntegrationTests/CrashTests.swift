import Foundation
import Testing

@Suite("kill -9")
struct CrashTests {
    /// Bytes that may be fetched twice for each kill: what was in flight, and what had arrived since the last sync, which
    /// comes every 5 s or 256 MiB; only a power cut loses the latter.
    static let inFlight = 24 << 20

    @Test("killed at 50 random instants, a download ends with identical content and fetches little twice", arguments: [1, 2])
    func killed(_ seedNumber: UInt64) async throws {
        let size = 96 << 20
        let swarm = try await SmallSwarm(
            format: seedNumber == 1 ? "v1" : "hybrid", create: ["--piece-length", "256KiB"],
            seedOptions: ["--upload-limit", "60MB/s"]
        ) { try SampleFiles.file($0, size) }
        let directory = try swarm.newDirectory()
        var random = SplitMix(state: seedNumber)
        var kills = 0
        while kills < 25 {
            let receiver = try swarm.get(into: directory, "--seed-time", "0")
            // Somewhere between its start and well into the transfer.
            let delay = Duration.milliseconds(random.next(below: 300))
            try await Task.sleep(for: delay)
            guard receiver.isRunning else { break }
            receiver.send(SIGKILL)
            _ = try await receiver.ending()
            kills += 1
            // Never published unless complete.
            if SampleFiles.exists(directory + "/content") { try swarm.expectCopy(in: directory) }
        }
        let last = try await swarm.get(into: directory, "--seed-time", "0").ending(within: 120)
        #expect(last.status == 0, "\(last)")
        try swarm.expectCopy(in: directory)
    }
}

/// Reproducible randomness.
struct SplitMix {
    var state: UInt64

    mutating func next(below limit: UInt64) -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return (z ^ (z >> 31)) % limit
    }
}
