import Foundation
import TestSupport
import Testing

/// Origins that a name stands for.
@Suite(.serialized) struct ClusterNameTests {
    /// The hosts file of a network namespace, which `ip netns exec` shows there.
    private final class HostsFile {
        private let directory: String

        init(of space: NetworkNamespace, _ lines: [String]) throws {
            directory = "/etc/netns/\(space.name)"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try set(lines)
        }

        /// In place: the namespaces have the file itself.
        func set(_ lines: [String]) throws {
            let text = (["127.0.0.1 localhost"] + lines).joined(separator: "\n") + "\n"
            let path = directory + "/hosts"
            if let handle = FileHandle(forWritingAtPath: path) {
                try handle.truncate(atOffset: 0)
                try handle.write(contentsOf: Data(text.utf8))
                try handle.close()
            } else {
                try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            }
        }

        deinit {
            try? FileManager.default.removeItem(atPath: directory)
            // Where nobody else has any.
            rmdir("/etc/netns")
        }
    }

    @Test func `Origins are those that a name stands for, and one that is added gets its copies`() async throws {
        let network = try Network(hosts: 3)
        let lines = (0..<2).map { "\(network.address($0)) origins.example" }
        let files = try network.hosts.map { try HostsFile(of: $0, [lines[0]]) }
        let work = try TemporaryDirectory()
        let index = "http://\(network.address(2)):15004"
        let indexProgram = try Program(
            [
                Swoop.path, "index", "--data", work.path("index"), "--listen", "\(network.address(2)):15004",
                "--insecure", "--origin", "http://origins.example:15002", "--json",
            ], on: network.hosts[2])
        _ = try await indexProgram.waitForEvent("listening")
        try work.write(
            "origin.yaml", "insecure: true\ncluster: {dns: 'origins.example:15002', ttl: 1s}\nrepair_after: 2s\n")
        func origin(_ number: Int, _ words: [String]) async throws -> Program {
            let program = try Program(
                [
                    Swoop.path, "origin", "--data", work.path("origin\(number)"), "--host", network.address(number),
                    "--index", index, "--json",
                ] + words, on: network.hosts[number])
            _ = try await program.waitForEvent("listening")
            return program
        }
        let first = try await origin(0, ["--insecure", "--cluster-dns", "origins.example:15002"])
        let size = 1 << 20
        let file = try SampleFiles.file(work.path("from/app.bin"), size, seed: 41)
        let pushed = try await Program(
            [Swoop.path, "push", file, "team/app:1", "--registry", "http://\(network.address(0)):15002"],
            on: network.hosts[2], environment: ["XDG_CACHE_HOME": work.path("cache")]
        ).ending()
        #expect(pushed.status == 0, "\(pushed)")
        let second = try await origin(1, ["--config", work.path("origin.yaml")])
        for file in files { try file.set(lines) }
        let hex = OCIClient.hex(of: size, seed: 41)
        try await wait(60, for: "a copy at the new origin: \(second.errors)") {
            FileManager.default.fileExists(
                atPath: work.path("origin1/blobs/\(hex.prefix(2))/\(hex.dropFirst(2).prefix(2))/\(hex)"))
        }
        // The first one dies: the name still has it, and the other gives all that there is.
        first.send(SIGKILL)
        _ = try await first.ending()
        let out = work.path("out")
        let pulled = try await Program(
            [
                Swoop.path, "pull", "team/app:1", "-o", out, "--direct", "--registry",
                "http://\(network.address(1)):15002",
            ], on: network.hosts[2], environment: ["XDG_CACHE_HOME": work.path("cache")]
        ).ending()
        #expect(pulled.status == 0, "\(pulled)")
        #expect(FileManager.default.contentsEqual(atPath: out + "/app.bin", andPath: file))
        for program in [second, indexProgram] { try await program.stop() }
    }
}
