import Foundation
import Hashing
import TestSupport
import Testing

/// A registry and its agents killed in the middle, and many who want the same at once.
@Suite("The registry in trouble", .serialized)
struct RegistryFailureTests {
    /// Every blob in a registry's or an agent's directory is what its name says.
    private func checkBlobs(_ directory: String, _ what: String) throws {
        let root = directory + "/blobs"
        for name in FileManager.default.enumerator(atPath: root)?.compactMap({ $0 as? String }) ?? [] {
            let last = (name as NSString).lastPathComponent
            guard last.utf8.count == 64, !SampleFiles.isDirectory(root + "/" + name) else { continue }
            let bytes = try Data(contentsOf: URL(fileURLWithPath: root + "/" + name))
            #expect(SHA256.digest(Array(bytes)).hex == last, "\(what): \(name) is another blob")
        }
    }

    private func files(_ directory: String, named hex: String) -> Int {
        (FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? [])
            .filter { ($0 as NSString).lastPathComponent == hex }.count
    }

    /// Pushes until it succeeds, as a person does who runs the command again.
    private func insist(_ registry: TestRegistry, _ path: String, _ reference: String) async throws -> Int {
        var tries = 0
        try await wait(120, for: "push of \(reference)") {
            tries += 1
            return try await registry.push(path, reference).status == 0
        }
        return tries
    }

    @Test
    func `Nothing that was accepted is lost when the registry is killed again and again`() async throws {
        let space = try NetworkNamespace()
        let registry = try await TestRegistry(on: (space, "127.0.0.1"), isSupervised: true)
        let place = registry.work.path
        let size = 6 << 20
        let names = (0..<12).map { "file\($0)" }
        for (index, name) in names.enumerated() {
            try SampleFiles.file("\(place)/from/\(name)", size, seed: 300 + UInt64(index))
        }
        let killer = Task { [registry] in
            for _ in 0..<4 {
                // Wherever it is in its work then.
                try await Task.sleep(for: .milliseconds(Int.random(in: 100...900)))
                try await wait(60, for: "registry that came back") { registry.child != nil }
                registry.crash()
            }
        }
        // Several at a time, one of them by curl, whose every 201 counts.
        var accepted: [String] = []
        var tries = 0
        for pair in stride(from: 0, to: names.count, by: 2) {
            let (one, other) = (names[pair], names[pair + 1])
            async let first = insist(registry, "\(place)/from/\(one)", "app/\(one):1")
            async let second = insist(registry, "\(place)/from/\(other)", "app/\(other):1")
            let text = "blob \(pair)"
            if try await Self.upload(text, to: registry, on: space) { accepted.append(text) }
            tries += try await first + second
        }
        try await killer.value
        #expect(registry.program.isRunning)
        try await wait(60, for: "registry") {
            try await Self.curl("\(registry.url)/v2/", on: space).status == 0
        }
        for (index, name) in names.enumerated() {
            let pulled = try await registry.pull("app/\(name):1", to: place + "/out", "--direct")
            #expect(pulled.status == 0, "\(name): \(pulled)")
            let bytes = FileManager.default.contents(atPath: "\(place)/out/\(name)")
            #expect(bytes == SampleFiles.bytes(size, seed: 300 + UInt64(index)), "\(name)")
        }
        for text in accepted {
            let answer = try await Self.curl("\(registry.url)/v2/by-curl/blobs/\(OCIClient.digest(text))", on: space)
            #expect(answer.output == text, "\(answer)")
        }
        try checkBlobs(place + "/data", "the registry after \(tries) pushes of \(names.count) files")
        try await registry.program.stop()
    }

    private static func curl(_ words: String..., on space: NetworkNamespace) async throws -> Program.Ending {
        try await Program(["curl", "-sSf", "--max-time", "20"] + words, on: space).ending()
    }

    /// - Returns: whether the registry said 201.
    private static func upload(_ text: String, to registry: TestRegistry, on space: NetworkNamespace) async throws
        -> Bool
    {
        let path = registry.work.path + "/upload"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        let url = "\(registry.url)/v2/by-curl/blobs/uploads/?digest=\(OCIClient.digest(text))"
        let ending = try await curl("-X", "POST", "--data-binary", "@" + path, "-w", "%{http_code}", url, on: space)
        return ending.status == 0 && ending.output.hasSuffix("201")
    }

    @Test
    func `A push goes on by itself when the registry dies in it, and sends at most 64 MiB twice`() async throws {
        let registry = try await TestRegistry(on: (try NetworkNamespace(), "127.0.0.1"), isSupervised: true)
        let size = 200 << 20
        let file = try SampleFiles.file(registry.work.path + "/big.bin", size, seed: 91)
        let push = try registry.start(["push", file, "big:1", "--json"])
        try await wait(for: "half of it") {
            let done = push.events.compactMap { $0["done"] as? Int }.max() ?? 0
            return done > size / 2 || !push.isRunning
        }
        registry.crash()
        let ended = try await push.ending(within: 60)
        #expect(ended.status == 0, "\(ended)")
        let sent = Program.events(in: ended.output).last?["transferred"] as? Int ?? 0
        #expect(sent <= size + (64 << 20), "\(ended)")
        let pulled = try await registry.pull("big:1", to: registry.work.path + "/out", "--direct")
        #expect(pulled.status == 0, "\(pulled)")
        #expect(FileManager.default.contentsEqual(atPath: registry.work.path + "/out/big.bin", andPath: file))
        try await registry.program.stop()
    }

    @Test
    func `An agent that is killed in a pull goes on where it was`() async throws {
        let network = try Network(hosts: 2)
        try network.shape(1, mbit: 80)
        let registry = try await TestRegistry(on: (network.hosts[0], network.address(0)))
        let place = registry.work.path
        let size = 24 << 20
        try await registry.keep(try SampleFiles.file(place + "/from/big.bin", size, seed: 41), as: "big:1")
        for round in 0..<3 {
            let agent = try await registry.agent(on: network.hosts[1])
            let pull = try registry.start(
                ["pull", "big:1", "-o", place + "/round\(round)", "--agent", agent.socket, "--json"],
                on: network.hosts[1])
            // Sometimes early, sometimes late.
            try await wait(for: "some of it") {
                let done = pull.events.compactMap { $0["done"] as? Int }.max() ?? 0
                return done > (round + 1) * size / 5 || !pull.isRunning
            }
            agent.program.send(SIGKILL)
            _ = try await agent.program.ending()
            #expect(files(agent.cache + "/blobs", named: OCIClient.hex(of: size, seed: 41)) <= 1)
            try checkBlobs(agent.cache, "the agent's cache")
            // Without the agent the command takes it from the swarm itself.
            let ended = try await pull.ending(within: 60)
            #expect(ended.status == 0, "round \(round): \(ended)")
        }
        let agent = try await registry.agent(on: network.hosts[1])
        let last = try await registry.pull("big:1", to: place + "/out", "--agent", agent.socket, on: network.hosts[1])
        #expect(last.status == 0, "\(last)")
        for directory in ["out", "round0", "round1", "round2"] {
            #expect(
                FileManager.default.contentsEqual(
                    atPath: "\(place)/\(directory)/big.bin", andPath: place + "/from/big.bin"), "\(directory)")
        }
        try checkBlobs(agent.cache, "the agent's cache")
    }

    @Test
    func `A pull goes on through its agent when that is started again`() async throws {
        let network = try Network(hosts: 2)
        try network.shape(1, mbit: 80)
        let registry = try await TestRegistry(on: (network.hosts[0], network.address(0)))
        let place = registry.work.path
        let size = 24 << 20
        try await registry.keep(try SampleFiles.file(place + "/from/big.bin", size, seed: 42), as: "big:1")
        let agent = try await registry.agent(on: network.hosts[1])
        let pull = try registry.start(
            ["pull", "big:1", "-o", place + "/out", "--agent", agent.socket, "--json"], on: network.hosts[1])
        try await wait(for: "a third of it") {
            pull.events.compactMap { $0["done"] as? Int }.max() ?? 0 > size / 3 || !pull.isRunning
        }
        agent.program.send(SIGKILL)
        _ = try await agent.program.ending()
        let again = try await registry.agent(on: network.hosts[1])
        let ended = try await pull.ending(within: 60)
        #expect(ended.status == 0, "\(ended)")
        #expect(FileManager.default.contentsEqual(atPath: place + "/out/big.bin", andPath: place + "/from/big.bin"))
        // The agent has it, so the command has not brought it by itself.
        #expect(files(again.cache + "/blobs", named: OCIClient.hex(of: size, seed: 42)) == 1)
        try checkBlobs(again.cache, "the agent's cache")
    }

    @Test
    func `A full disk ends a push with exit 6, and it goes on when there is room`() async throws {
        let work = try TemporaryDirectory()
        let data = try work.directory("data")
        // A small disk that only the registry sees.
        let script = "mount -t tmpfs -o size=12m none '\(data)' && exec \"$0\" up --any-port --data '\(data)' --json"
        let program = try Program(
            ["unshare", "-m", "sh", "-c", script, Swoop.path], environment: ["INVOCATION_ID": "test"])
        let url = try #require(try await program.waitForEvent("listening")["registry"] as? String)
        func run(_ words: String...) async throws -> Program.Ending {
            try await Program(
                [Swoop.path] + words + ["--registry", url], environment: ["XDG_CACHE_HOME": work.path + "/cache"]
            ).ending()
        }
        let small = try SampleFiles.file(work.path + "/small.bin", 3_000_000, seed: 81)
        let large = try SampleFiles.file(work.path + "/large.bin", 20_000_000, seed: 82)
        #expect(try await run("push", small, "small:1").status == 0)
        let full = try await run("push", large, "large:1")
        #expect(full.status == 6 && full.errors.contains("no space"), "\(full)")
        #expect(try await run("pull", "small:1", "-o", work.path + "/out", "--direct").status == 0)
        #expect(FileManager.default.contentsEqual(atPath: work.path + "/out/small.bin", andPath: small))
        let grown = try await Program(
            ["nsenter", "-m", "-t", "\(program.pid)", "mount", "-o", "remount,size=80m", data]
        ).ending()
        try #require(grown.status == 0, "\(grown)")
        #expect(try await run("push", large, "large:1").status == 0)
        #expect(try await run("pull", "large:1", "-o", work.path + "/out", "--direct").status == 0)
        #expect(FileManager.default.contentsEqual(atPath: work.path + "/out/large.bin", andPath: large))
    }

    @Test
    func `32 pushes of one file at once all succeed, and it is stored once`() async throws {
        let registry = try await TestRegistry()
        let place = registry.work.path
        let size = 1 << 20
        let file = try SampleFiles.file(place + "/one.bin", size, seed: 51)
        let pushes = try (0..<32).map { number in
            // Each with a memory of its own, as on 32 hosts.
            try Program(
                [Swoop.path, "push", file, "team/one:\(number)", "--registry", registry.url],
                environment: ["XDG_CACHE_HOME": "\(place)/cache\(number)"])
        }
        for push in pushes {
            let ending = try await push.ending(within: 120)
            #expect(ending.status == 0, "\(ending)")
        }
        #expect(files(place + "/data/blobs", named: OCIClient.hex(of: size, seed: 51)) == 1)
        try checkBlobs(place + "/data", "the registry")
        let pulled = try await registry.pull("team/one:31", to: place + "/out", "--direct")
        #expect(pulled.status == 0, "\(pulled)")
        #expect(FileManager.default.contentsEqual(atPath: place + "/out/one.bin", andPath: file))
    }

    @Test
    func `Of two digests under one immutable tag one wins, whole`() async throws {
        let registry = try await TestRegistry()
        let place = registry.work.path
        let files = try (0..<2).map { try SampleFiles.file("\(place)/\($0)/one.bin", 200_000, seed: 61 + UInt64($0)) }
        let pushes = try (0..<16).map { number in
            try Program(
                [Swoop.path, "push", files[number % 2], "team/one:1.0", "--registry", registry.url],
                environment: ["XDG_CACHE_HOME": "\(place)/cache\(number)"])
        }
        var statuses: [[Int32]] = [[], []]
        for (number, push) in pushes.enumerated() {
            let ending = try await push.ending(within: 120)
            statuses[number % 2].append(ending.status)
            if ending.status == 5 { #expect(ending.errors.contains("tags are immutable here"), "\(ending)") }
        }
        let winner = try #require(statuses.firstIndex { Set($0) == [0] }, "\(statuses)")
        #expect(Set(statuses[1 - winner]) == [5], "\(statuses)")
        let pulled = try await registry.pull("team/one:1.0", to: place + "/out", "--direct")
        #expect(pulled.status == 0, "\(pulled)")
        #expect(FileManager.default.contentsEqual(atPath: place + "/out/one.bin", andPath: files[winner]))
        let history = try await registry.tags("team/one", "--history", "--json")
        #expect(Set(history.output.components(separatedBy: "sha256:").dropFirst().map { $0.prefix(64) }).count == 1)
    }
}
