import Foundation
import TestSupport
import Testing

/// `swoop up` with a directory of its own, at free ports.
final class TestRegistry: Sendable {
    let work: TemporaryDirectory
    let url: String
    let program: Program
    private let host: NetworkNamespace?

    /// - Parameters:
    ///   - host: the namespace to run in, with the address to be reached at.
    ///   - isSupervised: with the parent that starts it again, and in `host` at the usual ports, so that it comes back where it was.
    init(on host: (space: NetworkNamespace, address: String)? = nil, isSupervised: Bool = false) async throws {
        precondition(!isSupervised || host != nil, "the usual ports may be taken on the machine itself")
        work = try TemporaryDirectory()
        self.host = host?.space
        var words = [Swoop.path, "up", "--data", work.path + "/data", "--json"]
        if !isSupervised { words.append("--any-port") }
        if let host { words += ["--host", host.address, "--insecure"] }
        // A service manager sets this, and then there is no parent.
        program = try Program(
            words, on: host?.space, environment: isSupervised ? [:] : ["INVOCATION_ID": "test"])
        let line = try await program.waitForEvent("listening")
        url = try #require(line["registry"] as? String)
    }

    /// The process that does the work, where there is a parent.
    var child: pid_t? {
        // Each thread has children of its own.
        let threads = "/proc/\(program.pid)/task"
        for thread in (try? FileManager.default.contentsOfDirectory(atPath: threads)) ?? [] {
            let children = try? String(contentsOfFile: "\(threads)/\(thread)/children", encoding: .utf8)
            if let child = children?.split(separator: " ").first.flatMap({ pid_t($0) }) { return child }
        }
        return nil
    }

    /// Kills that process as a crash does.
    func crash() {
        if let child { kill(child, SIGKILL) }
    }

    /// Host and port.
    var authority: String { String(url.dropFirst("http://".count)) }

    func push(
        _ path: String, _ reference: String, _ more: String..., on space: NetworkNamespace? = nil
    ) async throws -> Program.Ending {
        try await run(["push", path, reference] + more, on: space)
    }

    func pull(
        _ reference: String, to directory: String, _ more: String..., on space: NetworkNamespace? = nil
    ) async throws -> Program.Ending {
        try await run(["pull", reference, "-o", directory] + more, on: space)
    }

    func tags(_ words: String...) async throws -> Program.Ending { try await run(["tags"] + words) }

    func run(_ words: [String], on space: NetworkNamespace? = nil) async throws -> Program.Ending {
        try await start(words, on: space).ending()
    }

    func start(_ words: [String], on space: NetworkNamespace? = nil) throws -> Program {
        // What pushes remember is this test's own.
        try Program(
            [Swoop.path] + words + ["--registry", url], on: space ?? host,
            environment: ["XDG_CACHE_HOME": work.path + "/cache"])
    }

    func agent(_ name: String = "agent", on space: NetworkNamespace? = nil) async throws -> TestAgent {
        try await TestAgent(name, of: self, on: space)
    }

    /// Pushes, which must succeed.
    func keep(_ path: String, as reference: String) async throws {
        let ending = try await push(path, reference)
        try #require(ending.status == 0, "\(ending)")
    }
}

/// `swoop agent` with a cache and a socket of its own.
final class TestAgent: Sendable {
    let program: Program
    let socket: String
    let cache: String
    /// Host and port of the doors of `/v1` and Kraken's paths, and of those for container programs.
    let api: String
    let oci: String

    fileprivate init(_ name: String, of registry: TestRegistry, on space: NetworkNamespace?) async throws {
        cache = registry.work.path + "/\(name)"
        socket = registry.work.path + "/\(name).sock"
        program = try registry.start(
            ["agent", "--any-port", "--cache", cache, "--socket", socket, "--json"], on: space)
        let line = try await program.waitForEvent("listening")
        api = try #require(line["api"] as? String)
        oci = try #require(line["oci"] as? String)
    }
}
