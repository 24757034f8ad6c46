import Foundation
import TestSupport
import Testing

/// One seed, eight hosts, lines of 80 Mbit/s each way, everybody at once. The bars are 1.15 and 1.2 times the bound
/// with 256 MiB on a calm machine (see Benchmarks); with less content the first two seconds weigh more, and a test run
/// has other work too. What must not come back is a stall: each that was cured cost five seconds.
@Suite("A swarm on narrow lines", .serialized)
struct ShapedSwarmTests {
    private static let hosts = 8
    private static let mbit = 80
    private static let size = 96 << 20
    private static let allowed = 1.7

    /// Seconds from the start of all to the end of the last, over the bound.
    private func makespan(refusing: Int) async throws -> Double {
        // The tracker, the seed, the hosts.
        let network = try Network(hosts: Self.hosts + 2)
        for index in 1...Self.hosts + 1 { try network.shape(index, mbit: Self.mbit) }
        for index in 0..<refusing { try network.refuseIncoming(2 + index) }
        let place = try TemporaryDirectory()
        let content = try SampleFiles.file(place.path + "/seed/content.bin", Self.size, seed: 77)
        let announce = "http://\(network.address(0)):6969/announce"
        let torrent = try await Swoop.create(
            content, to: place.path + "/content.torrent", "--tracker", announce, "--piece-length", "1MiB")
        let tracker = try Swoop.start(
            "tracker", "--http", "\(network.address(0)):6969", "--json", on: network.hosts[0])
        _ = try await tracker.waitForEvent("listening")
        let seed = try Swoop.start(
            "seed", torrent, content, "--listen", "\(network.address(1)):7000", "--json", on: network.hosts[1])
        _ = try await seed.waitForEvent("seeding")
        let clock = ContinuousClock()
        let start = clock.now
        let leechers = try (2..<Self.hosts + 2).map { index in
            try Swoop.start(
                "get", torrent, "-o", "\(place.path)/host\(index)", "--listen", "\(network.address(index)):7000",
                "--seed-time", "1h", "--json", on: network.hosts[index])
        }
        for leecher in leechers { _ = try await leecher.waitForEvent("complete", within: 60) }
        let taken = clock.now - start
        for index in 2..<Self.hosts + 2 {
            let copy = "\(place.path)/host\(index)/content.bin"
            #expect(FileManager.default.contentsEqual(atPath: content, andPath: copy), "copy of host \(index)")
        }
        for program in leechers + [seed, tracker] { try await program.stop() }
        return (taken / .seconds(1)) / (Double(Self.size) * 8 / Double(Self.mbit * 1_000_000))
    }

    @Test
    func `reaches eight hosts at nearly the rate of one line`() async throws {
        #expect(try await makespan(refusing: 0) < Self.allowed)
    }

    @Test
    func `reaches hosts that can only dial out as soon as the others`() async throws {
        #expect(try await makespan(refusing: Self.hosts / 2) < Self.allowed)
    }
}
