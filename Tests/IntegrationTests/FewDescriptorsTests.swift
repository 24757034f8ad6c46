import Foundation
import TestSupport
import Testing

/// Connections that say nothing, held open; those that cannot be made are passed over.
private final class IdleConnections {
    private var descriptors: [Int32] = []

    init(to port: UInt16, count: Int) {
        for _ in 0..<count {
            let one = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard one >= 0 else { return }
            descriptors.append(one)
            _ = Loopback.call(port) { connect(one, $0, $1) }
        }
    }

    deinit { for one in descriptors { close(one) } }
}

private enum Loopback {
    static func call(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }

    /// A port that nobody listens on, as the system chooses.
    static func freePort() throws -> UInt16 {
        let one = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(one) }
        try #require(call(0) { bind(one, $0, $1) } == 0)
        var (address, length) = (sockaddr_in(), socklen_t(MemoryLayout<sockaddr_in>.size))
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(one, $0, &length) }
        }
        try #require(status == 0)
        return UInt16(bigEndian: address.sin_port)
    }
}

@Suite struct `With few descriptors` {
    @Test(arguments: [160, 256])
    func `a download of many files ends well although strangers hold all connections they can`(files: Int) async throws
    {
        let work = try TemporaryDirectory()
        let content = work.path + "/content"
        for number in 0..<120 { _ = try SampleFiles.file(content + "/\(number).bin", 64 << 10, seed: UInt64(number)) }
        let torrent = try await Swoop.create(content, to: work.path + "/t.torrent")
        let (seedPort, port) = (try Loopback.freePort(), try Loopback.freePort())
        let into = try work.directory("into")
        let receiver = try Program([
            "prlimit", "--nofile=\(files)", Swoop.path, "get", torrent, "-o", into, "--listen", "127.0.0.1:\(port)",
            "--peer", "127.0.0.1:\(seedPort)", "--seed-time", "0s", "--json",
        ])
        try await wait(for: "the receiver to listen") {
            let one = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(one) }
            return Loopback.call(port) { connect(one, $0, $1) } == 0
        }
        let strangers = IdleConnections(to: port, count: 400)
        let seed = try Swoop.start(
            "seed", torrent, content, "--listen", "127.0.0.1:\(seedPort)", "--upload-limit", "4MiB/s", "--json")
        let ending = try await receiver.ending()
        #expect(ending.status == 0, "\(ending)")
        #expect(try SampleFiles.snapshot(into + "/content") == SampleFiles.snapshot(content))
        withExtendedLifetime(strangers) {}
        _ = try await seed.stop()
    }

    @Test(arguments: ["http", "udp"])
    func `a tracker brings peers together although strangers hold all connections it can have`(way: String) async throws
    {
        let work = try TemporaryDirectory()
        let content = try SampleFiles.file(work.path + "/content.bin", 1 << 20, seed: 7)
        let port = try Loopback.freePort()
        let tracker = try Program([
            "prlimit", "--nofile=96", Swoop.path, "tracker", "--http", "127.0.0.1:\(port)", "--udp",
            "127.0.0.1:\(port)",
            "--interval", "2s", "--json",
        ])
        _ = try await tracker.waitForEvent("listening")
        let strangers = IdleConnections(to: port, count: 300)
        let announce = way == "http" ? "http://127.0.0.1:\(port)/announce" : "udp://127.0.0.1:\(port)"
        let torrent = try await Swoop.create(content, to: work.path + "/t.torrent", "--tracker", announce)
        let into = try work.directory("into")
        let seed = try Swoop.start("seed", torrent, content, "--listen", "127.0.0.1:0", "--json")
        let receiver = try Swoop.start(
            "get", torrent, "-o", into, "--listen", "127.0.0.1:0", "--seed-time", "0s", "--timeout", "60s", "--json")
        let ending = try await receiver.ending()
        #expect(ending.status == 0, "\(ending)")
        #expect(try SampleFiles.snapshot(into + "/content.bin") == SampleFiles.snapshot(content))
        withExtendedLifetime(strangers) {}
        _ = try await seed.stop()
        // It ends as it should, too.
        #expect(try await tracker.stop().status == 0)
    }
}
