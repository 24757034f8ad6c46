import Foundation
import Hashing
import TestSupport
import Testing

/// An index, a tracker and several origins, each a process of its own.
private final class TestOrigins {
    let work: TemporaryDirectory
    let hosts: [String]
    let index: String
    private let indexProgram: Program
    private let space: [NetworkNamespace?]
    private(set) var programs: [Program] = []
    private let more: [String]

    /// - Parameters:
    ///   - network: with a host for each origin, and one more for the index; nil for loopback.
    init(_ count: Int, on network: Network? = nil, _ more: String...) async throws {
        work = try TemporaryDirectory()
        self.more = more
        var words: [String] = []
        if let network {
            hosts = (0..<count).map { "\(network.address($0)):15002" }
            index = "\(network.address(count)):15004"
            space = Array(network.hosts.prefix(count + 1))
            words = ["--insecure"]
        } else {
            let first = Int(try FreePort.findRow(of: UInt16(count + 1)))
            hosts = (0..<count).map { "127.0.0.1:\(first + $0)" }
            index = "127.0.0.1:\(first + count)"
            space = Array(repeating: nil, count: count + 1)
        }
        indexProgram = try Program(
            [Swoop.path, "index", "--data", work.path("index"), "--listen", index, "--json"] + words
                + hosts.flatMap { ["--origin", "http://\($0)"] }, on: space[count])
        _ = try await indexProgram.waitForEvent("listening")
        for number in 0..<count { programs.append(try await launch(number)) }
    }

    private func launch(_ number: Int) async throws -> Program {
        let parts = hosts[number].split(separator: ":").map(String.init)
        let program = try Program(
            [
                Swoop.path, "origin", "--data", work.path("origin\(number)"), "--host", parts[0], "--port", parts[1],
                "--peers-port", space[number] == nil ? "0" : "15001", "--index", "http://\(index)", "--json",
            ] + (space[number] == nil ? [] : ["--insecure"]) + hosts.flatMap { ["--cluster", $0] } + more,
            on: space[number])
        _ = try await program.waitForEvent("listening")
        return program
    }

    /// As a crash does.
    func kill(_ number: Int) async throws {
        programs[number].send(SIGKILL)
        _ = try await programs[number].ending()
    }

    func restart(_ number: Int) async throws { programs[number] = try await launch(number) }

    func start(_ words: [String], at url: String, on space: NetworkNamespace? = nil) throws -> Program {
        try Program(
            [Swoop.path] + words + ["--registry", "http://\(url)"], on: space ?? self.space[hosts.count],
            environment: ["XDG_CACHE_HOME": work.path("cache")])
    }

    func has(_ hex: String, _ number: Int) -> Bool {
        FileManager.default.fileExists(
            atPath: work.path("origin\(number)/blobs/\(hex.prefix(2))/\(hex.dropFirst(2).prefix(2))/\(hex)"))
    }
}

@Suite("Several origins", .serialized)
struct OriginsTests {
    @Test func `What is pushed to one origin is pulled through any other, and by what the index tells`() async throws {
        let origins = try await TestOrigins(3)
        let file = try SampleFiles.file(origins.work.path("from/app.bin"), 3 << 20, seed: 31)
        let pushed = try await origins.start(["push", file, "team/app:1"], at: origins.hosts[0]).ending()
        #expect(pushed.status == 0, "\(pushed)")
        for (number, url) in (origins.hosts + [origins.index]).enumerated() {
            let out = origins.work.path("out\(number)")
            let pulled = try await origins.start(["pull", "team/app:1", "-o", out, "--direct"], at: url).ending()
            #expect(pulled.status == 0, "\(url): \(pulled)")
            #expect(FileManager.default.contentsEqual(atPath: out + "/app.bin", andPath: file))
        }
        let list = try await OCIClient(authority: origins.hosts[1]).call("GET", "/v1/cluster")
        #expect((list.json["origins"] as? [[String: Any]])?.compactMap { $0["host"] as? String } == origins.hosts)
        #expect(list.json["indexes"] as? [String] == ["http://\(origins.index)"])
        let metrics = try await OCIClient(authority: origins.hosts[2]).call("GET", "/metrics")
        #expect(metrics.body.contains("swoop_origin_repair_blobs 0"))
    }

    @Test func `An origin of two is killed after a push and loses its disk: blob and write-back live on`() async throws
    {
        let store = try TemporaryDirectory()
        let origins = try await TestOrigins(2, "--backend", "file://\(store.path)/blobs", "--backend-pause", "3s")
        let size = 2 << 20
        let file = try SampleFiles.file(origins.work.path("from/app.bin"), size, seed: 32)
        let hex = OCIClient.hex(of: size, seed: 32)
        // The blob's first owner writes back at once, the other only where that one does not: the first is to die.
        let digest = try #require(SHA256Digest(hex: hex)).bytes
        let ranks = origins.hosts.map { SHA256.digest(Array($0.utf8) + [0] + digest) }
        let (first, second) = ranks[0] > ranks[1] ? (0, 1) : (1, 0)
        let pushed = try await origins.start(["push", file, "team/app:1"], at: origins.hosts[first]).ending()
        #expect(pushed.status == 0, "\(pushed)")
        #expect(origins.has(hex, 0) && origins.has(hex, 1))
        try await origins.kill(first)
        try FileManager.default.removeItem(atPath: origins.work.path("origin\(first)"))
        // Whatever the first owner has stored before it died is not counted.
        for path in FileManager.default.enumerator(atPath: store.path)?.compactMap({ $0 as? String }) ?? []
        where path.hasSuffix(hex) {
            try FileManager.default.removeItem(atPath: store.path(path))
        }
        let out = origins.work.path("out")
        let pulled = try await origins.start(["pull", "team/app:1", "-o", out, "--direct"], at: origins.hosts[second])
            .ending()
        #expect(pulled.status == 0, "\(pulled)")
        #expect(FileManager.default.contentsEqual(atPath: out + "/app.bin", andPath: file))
        try await wait(30, for: "what the second owner writes back") {
            FileManager.default.enumerator(atPath: store.path)?.contains { ($0 as? String)?.hasSuffix(hex) == true }
                ?? false
        }
        try await origins.restart(first)
        try await wait(30, for: "the copy at the origin that lost its disk") { origins.has(hex, first) }
    }

    @Test func `One of three origins is killed in a storm of pulls: all complete, and its copies are made again`()
        async throws
    {
        let pulls = 6
        let network = try Network(hosts: 4 + pulls)
        for index in 0..<(4 + pulls) { try network.shape(index, mbit: 40) }
        let origins = try await TestOrigins(3, on: network)
        let size = 12 << 20
        let file = try SampleFiles.file(origins.work.path("from/app.bin"), size, seed: 33)
        let hex = OCIClient.hex(of: size, seed: 33)
        let pushed = try await origins.start(["push", file, "team/app:1"], at: origins.hosts[0]).ending(within: 120)
        #expect(pushed.status == 0, "\(pushed)")
        try await wait(60, for: "three copies") { (0..<3).allSatisfy { origins.has(hex, $0) } }
        let clock = ContinuousClock()
        let start = clock.now
        let programs = try (0..<pulls).map { number in
            try origins.start(
                ["pull", "team/app:1", "-o", origins.work.path("out\(number)"), "--direct"], at: origins.index,
                on: network.hosts[4 + number])
        }
        try await wait(30, for: "the storm") {
            try (0..<3).contains { try network.hosts[$0].sentBytes() > size / 4 }
        }
        try await origins.kill(1)
        for (number, program) in programs.enumerated() {
            let ending = try await program.ending(within: 120)
            #expect(ending.status == 0, "pull \(number): \(ending)")
            #expect(FileManager.default.contentsEqual(atPath: origins.work.path("out\(number)/app.bin"), andPath: file))
        }
        let seconds = (clock.now - start) / .seconds(1)
        let bound = Double(size) * 8 / 40_000_000
        print("storm with a killed origin: \(seconds) s, a line's time \(bound) s")
        #expect(seconds < 3 * bound + 10)
        try FileManager.default.removeItem(atPath: origins.work.path("origin1"))
        try await origins.restart(1)
        try await wait(60, for: "its copy") { origins.has(hex, 1) }
    }
}
