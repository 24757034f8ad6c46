import Foundation
import Hashing
import TestSupport
import Testing

/// Programs that push and pull container images, each with its files in a directory of the test.
enum ContainerClients {
    private static func run(_ words: [String], within seconds: Double = 60) async throws -> String {
        let ending = try await Program(words).ending(within: seconds)
        try #require(ending.status == 0, "\(words): \(ending)")
        return ending.output
    }

    /// An image of one layer, in the OCI layout, tagged `v1`.
    static func makeImage(_ directory: String, layerBytes: Int, seed: UInt64) throws -> String {
        func put(_ bytes: Data, _ type: String) throws -> String {
            let hex = SHA256.digest(Array(bytes)).hex
            try FileManager.default.createDirectory(
                atPath: directory + "/blobs/sha256", withIntermediateDirectories: true)
            try bytes.write(to: URL(fileURLWithPath: directory + "/blobs/sha256/" + hex))
            return #""mediaType":"\#(type)","digest":"sha256:\#(hex)","size":\#(bytes.count)"#
        }
        let root = directory + "-root"
        try SampleFiles.file(root + "/data.bin", layerBytes, seed: seed)
        let tar = directory + ".tar"
        let packed = try Command.run(["tar", "-cf", tar, "-C", root, "data.bin"])
        try #require(packed.status == 0, "\(packed.errors)")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: tar))
        let layer = try put(bytes, "application/vnd.oci.image.layer.v1.tar")
        let difference = "sha256:" + SHA256.digest(Array(bytes)).hex
        let configuration =
            #"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["\#(difference)"]}}"#
        let config = try put(Data(configuration.utf8), "application/vnd.oci.image.config.v1+json")
        let manifest =
            #"{"schemaVersion":2,"mediaType":"\#(OCIClient.imageType)","config":{\#(config)},"layers":[{\#(layer)}]}"#
        let entry = try put(Data(manifest.utf8), OCIClient.imageType)
        let name = #""annotations":{"org.opencontainers.image.ref.name":"v1"}"#
        try Data(#"{"schemaVersion":2,"manifests":[{\#(entry),\#(name)}]}"#.utf8)
            .write(to: URL(fileURLWithPath: directory + "/index.json"))
        try Data(#"{"imageLayoutVersion":"1.0.0"}"#.utf8).write(to: URL(fileURLWithPath: directory + "/oci-layout"))
        return OCIClient.digest(manifest)
    }

    // MARK: skopeo

    /// Copies from one place to another: `oci:DIR:TAG`, `docker://HOST:PORT/NAME:TAG`.
    static func copy(_ from: String, _ to: String) async throws {
        _ = try await run(
            [
                "skopeo", "--insecure-policy", "copy", "--preserve-digests", "--src-tls-verify=false",
                "--dest-tls-verify=false", from, to,
            ])
    }

    static func tags(_ name: String) async throws -> [String] {
        let output = try await run(["skopeo", "list-tags", "--tls-verify=false", "docker://" + name])
        let json = try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]
        return json?["Tags"] as? [String] ?? []
    }

    static func delete(_ reference: String) async throws {
        _ = try await run(["skopeo", "delete", "--tls-verify=false", "docker://" + reference])
    }

    // MARK: containerd

    /// containerd and its command.
    struct Containerd {
        private let program: Program
        private let socket: String

        init(in directory: String) async throws {
            socket = directory + "/c.sock"
            let configuration = """
                version = 2
                root = "\(directory)/root"
                state = "\(directory)/state"
                disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
                [grpc]
                address = "\(socket)"
                """
            try configuration.write(toFile: directory + "/config.toml", atomically: true, encoding: .utf8)
            program = try Program(["containerd", "-c", directory + "/config.toml"])
            try await wait(for: "containerd: \(program.errors.suffix(500))") {
                try await Command.ending(["ctr", "-a", socket, "version"]).status == 0
            }
        }

        /// Runs `ctr images WORDS`.
        @discardableResult
        func images(_ words: String...) async throws -> String {
            try await run(["ctr", "-a", socket, "images"] + words)
        }
    }

    // MARK: podman, buildah, oras

    /// Runs podman or buildah with a store of the test's own.
    static func run(_ program: String, in directory: String, _ words: String...) async throws {
        _ = try await run(
            [program, "--root", directory + "/root", "--runroot", directory + "/run", "--storage-driver", "vfs"] + words
        )
    }

    static func oras(_ words: String...) async throws {
        let top = URL(fileURLWithPath: #filePath).pathComponents.dropLast(4).joined(separator: "/").dropFirst()
        _ = try await run(["\(top)/Scripts/test-servers/oras"] + words, within: 120)
    }
}

/// Debian's docker-registry: another registry to copy to and from.
final class OtherRegistry {
    let authority: String
    private let program: Program

    init(in directory: String) async throws {
        let port = try FreePort.find()
        authority = "127.0.0.1:\(port)"
        let configuration = """
            version: 0.1
            storage: { filesystem: { rootdirectory: "\(directory)/registry" } }
            http: { addr: "\(authority)" }
            """
        try configuration.write(toFile: directory + "/registry.yml", atomically: true, encoding: .utf8)
        program = try Program(["docker-registry", "serve", directory + "/registry.yml"])
        guard await FreePort.isAnswering(port, within: 20) else {
            throw TimedOut(description: "docker-registry does not answer: \(program.errors.suffix(500))")
        }
    }
}
