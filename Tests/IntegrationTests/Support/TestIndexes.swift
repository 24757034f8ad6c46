import Foundation
import TestSupport
import Testing

/// Indexes and an origin, each a process of its own, on loopback.
final class TestIndexes {
    let work: TemporaryDirectory
    /// Host and port of each.
    let indexes: [String]
    let origin: String
    /// `postgresql://…`; nil for a file of each index.
    private let database: String?
    private let more: [String]
    private(set) var programs: [Program] = []
    private var originProgram: Program?

    init(_ count: Int = 1, database: String? = nil, _ more: String...) async throws {
        work = try TemporaryDirectory()
        self.database = database
        self.more = more
        let first = Int(try FreePort.findRow(of: UInt16(count + 1)))
        indexes = (0..<count).map { "127.0.0.1:\(first + $0)" }
        origin = "127.0.0.1:\(first + count)"
        for number in 0..<count { programs.append(try await launch(number)) }
        let program = try Program(
            [
                Swoop.path, "origin", "--data", work.path("origin"), "--port", "\(first + count)", "--peers-port", "0",
                "--json",
            ] + indexes.flatMap { ["--index", "http://\($0)"] })
        _ = try await program.waitForEvent("listening")
        originProgram = program
    }

    private func launch(_ number: Int) async throws -> Program {
        let store = database.map { ["--database", $0] } ?? ["--data", work.path("index\(number)")]
        let all = indexes.count > 1 ? indexes.flatMap { ["--index", "http://\($0)"] } : []
        let program = try Program(
            [Swoop.path, "index", "--listen", indexes[number], "--origin", "http://\(origin)", "--json"] + store + all
                + more)
        _ = try await program.waitForEvent("listening")
        return program
    }

    /// As a crash does.
    func kill(_ number: Int = 0) async throws {
        programs[number].send(SIGKILL)
        _ = try await programs[number].ending()
    }

    func restart(_ number: Int = 0) async throws { programs[number] = try await launch(number) }

    func client(_ number: Int = 0) -> OCIClient { OCIClient(authority: indexes[number]) }
    var originClient: OCIClient { OCIClient(authority: origin) }

    /// An agent of the registry.
    func agent(_ name: String = "agent") async throws -> (program: Program, api: String) {
        let program = try Program([
            Swoop.path, "agent", "--any-port", "--cache", work.path(name), "--socket", work.path(name + ".sock"),
            "--registry", "http://\(indexes[0])", "--json",
        ])
        return (program, try #require(try await program.waitForEvent("listening")["api"] as? String))
    }

    /// What a tag names, as the index says; the digest is nil for anything but a success.
    func tag(_ reference: String, at authority: String) async throws -> (status: Int, digest: String?) {
        let answer = try await OCIClient(authority: authority).call("GET", "/tags/\(reference)")
        return (answer.status, answer.status == 200 ? answer.body : nil)
    }
}
