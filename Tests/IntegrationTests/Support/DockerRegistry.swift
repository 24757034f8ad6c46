import Foundation
import TestSupport
import Testing

/// Debian's docker-registry on a port of its own, with its blobs in a directory that goes with it.
final class DockerRegistry {
    let work: TemporaryDirectory
    let port: UInt16
    private let process: ServerProcess

    init() async throws {
        work = try TemporaryDirectory()
        port = try FreePort.find()
        try work.write(
            "registry.yml",
            """
            version: 0.1
            log: {level: error}
            storage:
              filesystem: {rootdirectory: \(work.path("blobs"))}
              delete: {enabled: true}
            http: {addr: "127.0.0.1:\(port)"}
            """)
        process = try ServerProcess("docker-registry", ["serve", work.path("registry.yml")])
        try #require(await FreePort.isAnswering(port, within: 20), "docker-registry does not start")
    }

    deinit { process.kill() }

    var url: String { "http://127.0.0.1:\(port)" }

    /// What every command here needs: this registry, and a cache of the test's own.
    var environment: [String: String] { ["SWOOP_REGISTRY": url, "XDG_CACHE_HOME": work.path("cache")] }

    func start(_ arguments: String...) throws -> Program {
        try Program([Swoop.path] + arguments, environment: environment)
    }

    func run(_ arguments: String...) async throws -> Program.Ending {
        try await Program([Swoop.path] + arguments, environment: environment).ending(within: 120)
    }
}
