import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct `A seed of a directory of torrents` {
    private let work: TemporaryDirectory
    private let host: NetworkNamespace
    private let tracker: Program
    private let url: String

    init() async throws {
        work = try TemporaryDirectory()
        host = try NetworkNamespace()
        tracker = try Swoop.start("tracker", "--http", "127.0.0.1:0", "--interval", "10m", "--json", on: host)
        url = "http://\(try await tracker.waitForEvent("listening")["http"] as? String ?? "")/announce"
        for directory in ["torrents", "content"] { _ = try work.directory(directory) }
    }

    private func add(_ name: String) async throws {
        let content = try SampleFiles.file(work.path + "/content/\(name)", 300_000, seed: UInt64(name.utf8.count))
        let made = "\(work.path)/\(name).torrent"
        _ = try await Swoop.create(content, to: made, "--tracker", url)
        try FileManager.default.moveItem(atPath: made, toPath: "\(work.path)/torrents/\(name).torrent")
    }

    private func start() async throws -> Program {
        let seed = try Swoop.start(
            "seed", work.path + "/torrents", work.path + "/content", "--listen", "127.0.0.1:0", "--json", on: host)
        _ = try await seed.waitForEvent("serving")
        return seed
    }

    private func get(_ name: String, timeout: String = "30s") async throws -> Program.Ending {
        try await Program(
            [
                Swoop.path, "get", "\(work.path)/torrents/\(name).torrent", "-o", try work.directory("into"),
                "--listen",
                "127.0.0.1:0", "--seed-time", "0s", "--timeout", timeout, "--json",
            ], on: host
        ).ending(within: 60)
    }

    /// Until the tracker has heard of so many torrents, each by both of its hashes; it asks nobody to come again within this test.
    private func isTold(of count: Int) async throws {
        let page = url.replacing("/announce", with: "/metrics")
        let end = ContinuousClock.now + .seconds(30)
        while try await !Program(["curl", "-s", page], on: host).ending().output
            .contains("swoop_tracker_swarms \(2 * count)\n")
        {
            try #require(ContinuousClock.now < end, "the tracker was not told of \(count)")
        }
    }

    private func expectCopy(_ name: String) throws {
        #expect(
            try SampleFiles.snapshot("\(work.path)/into/\(name)")
                == SampleFiles.snapshot("\(work.path)/content/\(name)"))
    }

    @Test func `gives each of them to whoever hears of it from the tracker, also one that came later`() async throws {
        try await add("first")
        try await add("second")
        let seed = try await start()
        try await isTold(of: 2)
        for name in ["second", "first"] {
            let ending = try await get(name)
            #expect(ending.status == 0, "\(ending)")
            try expectCopy(name)
        }
        try await add("the third one")
        try await wait(for: "the change to be seen") { seed.events.contains { $0["torrents"] as? Int == 3 } }
        try await isTold(of: 3)
        let ending = try await get("the third one")
        #expect(ending.status == 0, "\(ending)")
        try expectCopy("the third one")
        #expect(try await seed.stop().status == 0)
    }

    @Test func `says which files it cannot serve, serves the others, and lets go of what is taken away`() async throws {
        try await add("good")
        try await add("without content")
        try FileManager.default.removeItem(atPath: work.path + "/content/without content")
        try Data("no torrent".utf8).write(to: URL(fileURLWithPath: work.path + "/torrents/bad.torrent"))
        let seed = try await start()
        #expect(seed.event("serving")?["torrents"] as? Int == 1)
        for name in ["bad.torrent", "without content"] { #expect(seed.errors.contains(name), "\(seed.errors)") }
        try await isTold(of: 1)
        let ending = try await get("good")
        #expect(ending.status == 0, "\(ending)")
        try FileManager.default.removeItem(atPath: work.path + "/torrents/good.torrent")
        try await wait(for: "the change to be seen") { seed.events.contains { $0["event"] as? String == "changed" } }
        #expect(try await seed.stop().status == 0)
    }
}
