import Foundation
import TestSupport

/// An index and several origins, each a process of its own.
final class TestOrigins {
    let work: TemporaryDirectory
    let hosts: [String]
    let index: String
    private let indexProgram: Program
    private let space: [NetworkNamespace?]
    private(set) var programs: [Program] = []
    private let more: [String]
    private let security: Security?
    private let small: SmallDisk?

    /// A disk that only one origin sees.
    struct SmallDisk {
        let number: Int
        /// As `mount -t tmpfs` has it.
        let size: String
    }

    /// Tokens and a certificate that all parts share.
    struct Security {
        /// Of each part, and of whoever asks them.
        let parts: [String]
        let clients: [String]
    }

    /// - Parameters:
    ///   - network: with a host for each origin, and one more for the index; nil for loopback.
    ///   - security: with TLS; nil for none.
    init(
        _ count: Int, on network: Network? = nil, security: Security? = nil, small: SmallDisk? = nil,
        _ more: String...
    ) async throws {
        work = try TemporaryDirectory()
        self.more = more
        self.security = security
        self.small = small
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
                + (security?.parts ?? [])
                + hosts.flatMap { ["--origin", "\(security == nil ? "http" : "https")://\($0)"] }, on: space[count])
        _ = try await indexProgram.waitForEvent("listening")
        for number in 0..<count { programs.append(try await launch(number)) }
    }

    private var scheme: String { security == nil ? "http" : "https" }

    private func launch(_ number: Int) async throws -> Program {
        let parts = hosts[number].split(separator: ":").map(String.init)
        let data = work.path("origin\(number)")
        var words = [
            Swoop.path, "origin", "--data", data, "--host", parts[0], "--port", parts[1], "--peers-port",
            space[number] == nil ? "0" : "15001", "--index", "\(scheme)://\(index)", "--json",
        ]
        if space[number] != nil { words.append("--insecure") }
        words += (security?.parts ?? []) + hosts.flatMap { ["--cluster", $0] } + more
        if let small, small.number == number {
            let script = "mkdir -p \"$0\" && mount -t tmpfs -o size=\(small.size) none \"$0\" && exec \"$@\""
            words = ["unshare", "-m", "sh", "-c", script, data] + words
        }
        let program = try Program(words, on: space[number])
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
            [Swoop.path] + words + ["--registry", "\(scheme)://\(url)"] + (security?.clients ?? []),
            on: space ?? self.space[hosts.count], environment: ["XDG_CACHE_HOME": work.path("cache")])
    }

    func path(of hex: String, _ number: Int) -> String {
        // As the origin itself sees it, where its disk is its own.
        let root = small?.number == number ? "/proc/\(programs[number].pid)/root" : ""
        return root + work.path("origin\(number)/blobs/\(hex.prefix(2))/\(hex.dropFirst(2).prefix(2))/\(hex)")
    }

    func has(_ hex: String, _ number: Int) -> Bool { FileManager.default.fileExists(atPath: path(of: hex, number)) }

    /// A figure of an origin's `/metrics`; nil where it has none of that name.
    func figure(_ name: String, _ number: Int) async throws -> Double? {
        let page = try await Program(["curl", "-sS", "http://\(hosts[number])/metrics"], on: space[number]).ending()
            .output
        return page.split(separator: "\n").first { $0.hasPrefix(name + " ") }.flatMap { line in
            line.split(separator: " ").last.flatMap { Double($0) }
        }
    }
}
