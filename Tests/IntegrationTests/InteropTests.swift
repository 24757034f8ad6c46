import Foundation
import TestSupport
import Testing

/// A tracker on the first host and room for others, each host with an address of its own.
final class Interop {
    let work: TemporaryDirectory
    let network: Network
    let tracker: Program
    let content: String
    let torrent: String

    enum TrackerKind: String, CaseIterable { case swoop, opentracker }

    init(
        hosts: Int = 3, tracker kind: TrackerKind = .swoop, udp: Bool = false, format: String = "v1",
        isPrivate: Bool = false,
        makeTorrent: ((_ content: String, _ torrent: String, _ announce: String) async throws -> Void)? = nil
    ) async throws {
        work = try TemporaryDirectory()
        network = try Network(hosts: hosts)
        content = try SampleFiles.tree(work.path + "/source/content", largest: 12 << 20, portable: true)
        torrent = work.path + "/t.torrent"
        let address = network.address(0)
        let announce = udp ? "udp://\(address):6969" : "http://\(address):6969/announce"
        if let makeTorrent {
            try await makeTorrent(content, torrent, announce)
        } else {
            let options = ["--tracker", announce, "--format", format] + (isPrivate ? ["--private"] : [])
            let made = try await Program([Swoop.path, "create", content, "-o", torrent] + options).ending()
            try #require(made.status == 0, "\(made)")
        }
        switch kind {
        case .swoop:
            tracker = try Swoop.start(
                "tracker", "--http", "\(address):6969", "--interval", "2s", "--json", on: network.hosts[0])
            _ = try await tracker.waitForEvent("listening")
        case .opentracker:
            let hashes = try await Libtorrent.hashes(torrent)
            tracker = try OpenTracker.start(
                [hashes.v1, String(hashes.v2.prefix(40))].filter { $0 != "-" }, address: address, port: 6969,
                on: network.hosts[0], work: work)
        }
    }

    /// Our seed on a host; returns when it has checked its content.
    func seed(on index: Int) async throws -> Program {
        let seed = try Swoop.start(
            "seed", torrent, content, "--listen", "\(network.address(index)):7000", "--json", on: network.hosts[index])
        _ = try await seed.waitForEvent("seeding")
        return seed
    }

    /// Our receiver on a host; checks the copy.
    func get(on index: Int, _ source: String? = nil, within seconds: Double = 60) async throws {
        let directory = try work.directory("swoop-\(index)")
        let ending = try await Swoop.run(
            "get", source ?? torrent, "-o", directory, "--listen", "\(network.address(index)):7000", "--seed-time", "0",
            "--json", on: network.hosts[index], within: seconds)
        #expect(ending.status == 0, "\(ending)")
        #expect(try SampleFiles.snapshot(directory + "/content") == SampleFiles.snapshot(content))
    }

    /// Waits until another client's copy in `directory` is what it should be. Executable bits are not everybody's
    /// concern, nor are empty files (Transmission makes none) and padding (some write it).
    func expectCopy(in directory: String, by client: Program, within seconds: Double = 60) async throws {
        func files(_ root: String) throws -> [String: Data] {
            try SampleFiles.snapshot(root).compactMapValues(\.content).filter { !$1.isEmpty && !$0.hasPrefix(".pad") }
        }
        let wanted = try files(content)
        do {
            try await wait(seconds, for: "whole copy by \(client.name)") {
                try SampleFiles.exists(directory + "/content") && files(directory + "/content") == wanted
            }
        } catch {
            throw TimedOut(description: "\(error)\n\(client.output.suffix(3000))\n\(client.errors.suffix(3000))")
        }
    }

    func libtorrent(on index: Int, save: String, magnet: String? = nil) throws -> Program {
        var orders: [String: Any] = ["listen": "\(network.address(index)):7000", "save": save]
        if let magnet { orders["magnet"] = magnet } else { orders["torrent"] = torrent }
        return try Libtorrent.peer(orders, on: network.hosts[index])
    }

    var sourceParent: String { (content as NSString).deletingLastPathComponent }
}

@Suite("libtorrent")
struct LibtorrentInteropTests {
    @Test(arguments: ["v1", "v2", "hybrid"])
    func `fetches from our seed`(_ format: String) async throws {
        let interop = try await Interop(format: format)
        let seed = try await interop.seed(on: 1)
        let directory = try interop.work.directory("other")
        let peer = try interop.libtorrent(on: 2, save: directory)
        try await interop.expectCopy(in: directory, by: peer)
        withExtendedLifetime(seed) {}
    }

    @Test(arguments: ["v1_only", "v2_only", ""])
    func `seeds to us a torrent that it made`(_ flag: String) async throws {
        let interop = try await Interop { content, torrent, announce in
            try await Libtorrent.create(content, to: torrent, tracker: announce, flag: flag)
        }
        let peer = try interop.libtorrent(on: 1, save: interop.sourceParent)
        try await interop.get(on: 2)
        withExtendedLifetime(peer) {}
    }

    @Test(arguments: ["v1", "v2", "hybrid"])
    func `gives us the metadata for a magnet link`(_ format: String) async throws {
        let interop = try await Interop(format: format)
        let peer = try interop.libtorrent(on: 1, save: interop.sourceParent)
        try await interop.get(on: 2, try await magnet(of: interop.torrent))
        withExtendedLifetime(peer) {}
    }

    @Test(arguments: ["v1", "v2", "hybrid"])
    func `takes the metadata for a magnet link from us`(_ format: String) async throws {
        let interop = try await Interop(format: format)
        let seed = try await interop.seed(on: 1)
        let directory = try interop.work.directory("other")
        let peer = try interop.libtorrent(on: 2, save: directory, magnet: try await magnet(of: interop.torrent))
        try await interop.expectCopy(in: directory, by: peer)
        withExtendedLifetime(seed) {}
    }

    @Test
    func `takes part in a private torrent, both ways`() async throws {
        let interop = try await Interop(hosts: 4, isPrivate: true)
        let seed = try await interop.seed(on: 1)
        let directory = try interop.work.directory("other")
        let peer = try interop.libtorrent(on: 2, save: directory)
        try await interop.expectCopy(in: directory, by: peer)
        try await seed.stop()
        try await interop.get(on: 3)
    }

    private func magnet(of torrent: String) async throws -> String {
        let shown = try await Swoop.run("show", torrent, "--json")
        return try #require(Program.events(in: shown.output).first?["magnet"] as? String)
    }
}

@Suite("Other clients")
struct OtherClientTests {
    @Test
    func `Transmission fetches from our seed`() async throws {
        let interop = try await Interop()
        let seed = try await interop.seed(on: 1)
        let directory = try interop.work.directory("other")
        let peer = try Transmission.peer(
            interop.torrent, save: directory, address: interop.network.address(2), port: 7000,
            on: interop.network.hosts[2],
            work: interop.work)
        try await interop.expectCopy(in: directory, by: peer)
        withExtendedLifetime(seed) {}
    }

    @Test
    func `Transmission seeds to us`() async throws {
        let interop = try await Interop()
        let peer = try Transmission.peer(
            interop.torrent, save: interop.sourceParent, address: interop.network.address(1), port: 7000,
            on: interop.network.hosts[1], work: interop.work)
        try await interop.get(on: 2)
        withExtendedLifetime(peer) {}
    }

    @Test
    func `aria2 fetches from our seed`() async throws {
        let interop = try await Interop()
        let seed = try await interop.seed(on: 1)
        let directory = try interop.work.directory("other")
        let peer = try Aria2.peer(
            interop.torrent, save: directory, address: interop.network.address(2), port: 7000,
            on: interop.network.hosts[2])
        try await interop.expectCopy(in: directory, by: peer)
        withExtendedLifetime(seed) {}
    }

    @Test
    func `aria2 seeds to us`() async throws {
        let interop = try await Interop()
        let peer = try Aria2.peer(
            interop.torrent, save: interop.sourceParent, address: interop.network.address(1), port: 7000,
            on: interop.network.hosts[1])
        try await interop.get(on: 2)
        withExtendedLifetime(peer) {}
    }

    @Test
    func `mktorrent's torrents are read, seeded and fetched`() async throws {
        let interop = try await Interop { content, torrent, announce in
            let made = try await Program(["mktorrent", "-l", "18", "-a", announce, "-o", torrent, content]).ending()
            try #require(made.status == 0, "\(made)")
        }
        // It keeps neither executable bits nor names that our own torrents would.
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: interop.content + "/bin/tool")
        let seed = try await interop.seed(on: 1)
        try await interop.get(on: 2)
        withExtendedLifetime(seed) {}
    }
}

@Suite("Trackers")
struct TrackerInteropTests {
    @Test(arguments: [false, true])
    func `opentracker serves our seed and receivers`(_ udp: Bool) async throws {
        let interop = try await Interop(tracker: .opentracker, udp: udp)
        let seed = try await interop.seed(on: 1)
        try await interop.get(on: 2)
        withExtendedLifetime(seed) {}
    }

    @Test
    func `our tracker serves other clients to each other`() async throws {
        let interop = try await Interop(hosts: 4)
        let one = try interop.libtorrent(on: 1, save: interop.sourceParent)
        let directory = try interop.work.directory("aria2")
        let two = try Aria2.peer(
            interop.torrent, save: directory, address: interop.network.address(2), port: 7000,
            on: interop.network.hosts[2])
        try await interop.expectCopy(in: directory, by: two)
        let other = try interop.work.directory("transmission")
        let three = try Transmission.peer(
            interop.torrent, save: other, address: interop.network.address(3), port: 7000, on: interop.network.hosts[3],
            work: interop.work)
        try await interop.expectCopy(in: other, by: three)
        withExtendedLifetime(one) {}
    }

    @Test
    func `a host beside its tracker is found under its announced address`() async throws {
        let work = try TemporaryDirectory()
        let network = try Network(hosts: 2)
        let content = try SampleFiles.tree(work.path + "/source/content")
        let torrent = work.path + "/t.torrent"
        let tracker = try Swoop.start("tracker", "--http", "6969", "--json", on: network.hosts[0])
        _ = try await tracker.waitForEvent("listening")
        // The seed reaches the tracker on loopback, which is of no use to the other host.
        let made = try await Swoop.run(
            "create", content, "-o", torrent, "--tracker", "http://\(network.address(0)):6969/announce")
        try #require(made.status == 0, "\(made)")
        let beside = work.path + "/beside.torrent"
        try #require(
            try await Swoop.run(
                "edit", torrent, "--tracker", "http://127.0.0.1:6969/announce", "-o", beside
            ).status == 0)
        let seed = try Swoop.start(
            "seed", beside, content, "--listen", "7000", "--announce-address", network.address(0), "--json",
            on: network.hosts[0])
        _ = try await seed.waitForEvent("seeding")
        let directory = try work.directory("receiver")
        let ending = try await Swoop.run("get", torrent, "-o", directory, "--seed-time", "0", on: network.hosts[1])
        #expect(ending.status == 0, "\(ending)")
        #expect(try SampleFiles.snapshot(directory + "/content") == SampleFiles.snapshot(content))
    }

    @Test
    func `IPv6 alone is enough`() async throws {
        let work = try TemporaryDirectory()
        let network = try Network(hosts: 2)
        let content = try SampleFiles.tree(work.path + "/source/content")
        let torrent = work.path + "/t.torrent"
        let address = "[\(network.address6(0))]"
        let tracker = try Swoop.start("tracker", "--http", "\(address):6969", "--json", on: network.hosts[0])
        _ = try await tracker.waitForEvent("listening")
        let made = try await Swoop.run("create", content, "-o", torrent, "--tracker", "http://\(address):6969/announce")
        try #require(made.status == 0, "\(made)")
        let seed = try Swoop.start(
            "seed", torrent, content, "--listen", "\(address):7000", "--json", on: network.hosts[0])
        _ = try await seed.waitForEvent("seeding")
        let directory = try work.directory("receiver")
        let ending = try await Swoop.run(
            "get", torrent, "-o", directory, "--seed-time", "0", "--listen", "[\(network.address6(1))]:7000",
            on: network.hosts[1])
        #expect(ending.status == 0, "\(ending)")
        #expect(try SampleFiles.snapshot(directory + "/content") == SampleFiles.snapshot(content))
    }
}

@Suite("Web seeds")
struct WebSeedInteropTests {
    @Test(arguments: ["v1", "v2", "hybrid"])
    func `nginx alone is enough`(_ format: String) async throws {
        let swarm = try await SmallSwarm(
            format: format, create: ["--web-seed", "http://127.0.0.1:8080/"], seed: false
        ) { try SampleFiles.tree($0) }
        let nginx = try Nginx.serve(
            swarm.work.path + "/source", address: "127.0.0.1", port: 8080, on: swarm.host, work: swarm.work)
        try await wait(for: "nginx") { SampleFiles.exists(swarm.work.path + "/nginx/pid") }
        let directory = try swarm.newDirectory()
        let ending = try await swarm.get(into: directory, "--seed-time", "0").ending()
        #expect(ending.status == 0, "\(ending)\n\(nginx.errors)")
        try swarm.expectCopy(in: directory)
    }

    @Test
    func `a web seed given on the command line helps a slow seed`() async throws {
        let swarm = try await SmallSwarm(seedOptions: ["--upload-limit", "100KB/s"]) {
            try SampleFiles.file($0, 8 << 20)
        }
        let nginx = try Nginx.serve(
            swarm.work.path + "/source", address: "127.0.0.1", port: 8080, on: swarm.host, work: swarm.work)
        try await wait(for: "nginx") { SampleFiles.exists(swarm.work.path + "/nginx/pid") }
        let directory = try swarm.newDirectory()
        let ending = try await swarm.get(
            into: directory, "--seed-time", "0", "--web-seed", "http://127.0.0.1:8080/content"
        ).ending(within: 40)
        #expect(ending.status == 0, "\(ending)\n\(nginx.errors)")
        try swarm.expectCopy(in: directory)
    }
}

@Suite("Demonstration")
struct DemoTests {
    @Test
    func `without arguments it ends with verified copies and leaves nothing behind`() async throws {
        let work = try TemporaryDirectory()
        let ending = try await Swoop.run("demo", "--receivers", "3", within: 120, environment: ["TMPDIR": work.path])
        #expect(ending.status == 0, "\(ending)")
        #expect(ending.output.contains("verified: 3 copies are identical"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: work.path).isEmpty)
    }

    @Test
    func `stopped half way it ends its processes and removes its files`() async throws {
        let work = try TemporaryDirectory()
        let content = try SampleFiles.file(work.path + "/content", 30 << 20)
        let place = try work.directory("tmp")
        let demo = try Swoop.start(
            "demo", content, "--receivers", "2", "--rate", "2MB/s", "--json", environment: ["TMPDIR": place])
        try await wait(for: "progress") { demo.events.contains { ($0["done"] as? Int ?? 0) > 0 } }
        let ending = try await demo.stop(SIGINT)
        #expect(ending.status == 130, "\(ending)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: place).isEmpty)
        let left = try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { pid in
            (try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8))?.contains(place) == true
        }
        #expect(left.isEmpty)
    }
}
