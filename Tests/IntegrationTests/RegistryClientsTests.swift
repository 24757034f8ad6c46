import Foundation
import TestSupport
import Testing

/// Programs that know nothing of Swoop push to its registry and pull from it and from an agent.
@Suite("A registry and other programs")
struct RegistryClientsTests {
    private static let layer = 3_000_000

    /// The image in a layout, as far as it says what the image is.
    private func digest(inLayout directory: String) throws -> String? {
        let data = try Data(contentsOf: URL(fileURLWithPath: directory + "/index.json"))
        let index = try JSONSerialization.jsonObject(with: data) as? [String: Any]
        return (index?["manifests"] as? [[String: Any]])?.first?["digest"] as? String
    }

    @Test
    func `skopeo copies to it, from it, from an agent, lists tags and deletes`() async throws {
        let registry = try await TestRegistry()
        let place = registry.work.path
        let made = try ContainerClients.makeImage(place + "/image", layerBytes: Self.layer, seed: 5)
        let name = "\(registry.authority)/team/image"
        try await ContainerClients.copy("oci:\(place)/image:v1", "docker://\(name):v1")
        try await ContainerClients.copy("docker://\(name):v1", "oci:\(place)/back:v1")
        #expect(try digest(inLayout: place + "/back") == made)

        let agent = try await registry.agent()
        try await ContainerClients.copy("docker://\(agent.oci)/team/image:v1", "oci:\(place)/agents:v1")
        #expect(try digest(inLayout: place + "/agents") == made)

        try await ContainerClients.copy("docker://\(name):v1", "docker://\(name):v2")
        #expect(try await ContainerClients.tags(name) == ["v1", "v2"])
        // It deletes the manifest, and with it all its tags.
        try await ContainerClients.delete("\(name):v2")
        #expect(try await ContainerClients.tags(name) == [])
    }

    @Test
    func `skopeo copies from it to docker-registry and back`() async throws {
        let registry = try await TestRegistry()
        let place = registry.work.path
        let other = try await OtherRegistry(in: place)
        let made = try ContainerClients.makeImage(place + "/image", layerBytes: Self.layer, seed: 6)
        try await ContainerClients.copy("oci:\(place)/image:v1", "docker://\(registry.authority)/a/b:v1")
        try await ContainerClients.copy(
            "docker://\(registry.authority)/a/b:v1", "docker://\(other.authority)/a/b:v1")
        try await ContainerClients.copy(
            "docker://\(other.authority)/a/b:v1", "docker://\(registry.authority)/back:v1")
        let answer = try await OCIClient(authority: registry.authority).call("HEAD", "/v2/back/manifests/v1")
        #expect(answer.headers["docker-content-digest"] == made, "\(answer)")
    }

    @Test
    func `containerd pulls from it and from an agent, and pushes to it`() async throws {
        let registry = try await TestRegistry()
        let place = registry.work.path
        let made = try ContainerClients.makeImage(place + "/image", layerBytes: Self.layer, seed: 7)
        try await ContainerClients.copy("oci:\(place)/image:v1", "docker://\(registry.authority)/a/b:v1")
        let agent = try await registry.agent()
        let containerd = try await ContainerClients.Containerd(in: try registry.work.directory("containerd"))
        let pull = ["pull", "--plain-http", "--snapshotter", "native"]
        for authority in [registry.authority, agent.oci] {
            try await containerd.images(pull[0], pull[1], pull[2], pull[3], "\(authority)/a/b:v1")
        }
        let list = try await containerd.images("ls")
        #expect(list.components(separatedBy: made).count == 3, "\(list)")
        try await containerd.images(
            "push", "--plain-http", "\(registry.authority)/pushed:v1", "\(registry.authority)/a/b:v1")
        let answer = try await OCIClient(authority: registry.authority).call("HEAD", "/v2/pushed/manifests/v1")
        #expect(answer.headers["docker-content-digest"] == made, "\(answer)")
    }

    @Test
    func `containerd goes by the agent as a mirror`() async throws {
        let registry = try await TestRegistry()
        let place = registry.work.path
        let made = try ContainerClients.makeImage(place + "/image", layerBytes: Self.layer, seed: 8)
        try await ContainerClients.copy("oci:\(place)/image:v1", "docker://\(registry.authority)/a/b:v1")
        let agent = try await registry.agent()
        let hosts = try registry.work.directory("hosts/\(registry.authority)")
        let mirror = """
            server = "http://\(registry.authority)"
            [host."http://\(agent.oci)"]
            capabilities = ["pull", "resolve"]
            """
        try mirror.write(toFile: hosts + "/hosts.toml", atomically: true, encoding: .utf8)
        let containerd = try await ContainerClients.Containerd(in: try registry.work.directory("containerd"))
        try await containerd.images(
            "pull", "--hosts-dir", place + "/hosts", "--snapshotter", "native", "\(registry.authority)/a/b:v1")
        #expect(try await containerd.images("ls").contains(made))
        // What the agent brought is in its cache.
        let cached = try await OCIClient(authority: agent.api).call("GET", "/v1/blobs")
        #expect((cached.json["blobs"] as? [Any])?.isEmpty == false, "\(cached)")
    }

    @Test
    func `podman and buildah pull and push`() async throws {
        let registry = try await TestRegistry()
        let place = registry.work.path
        _ = try ContainerClients.makeImage(place + "/image", layerBytes: Self.layer, seed: 9)
        let name = "\(registry.authority)/a/b"
        try await ContainerClients.copy("oci:\(place)/image:v1", "docker://\(name):v1")
        let agent = try await registry.agent()
        let podman = try registry.work.directory("podman")
        try await ContainerClients.run("podman", in: podman, "pull", "--tls-verify=false", "\(agent.oci)/a/b:v1")
        try await ContainerClients.run("podman", in: podman, "pull", "--tls-verify=false", "\(name):v1")
        try await ContainerClients.run(
            "podman", in: podman, "push", "--tls-verify=false", "\(name):v1", "\(registry.authority)/podman:v1")
        let buildah = try registry.work.directory("buildah")
        try await ContainerClients.run(
            "buildah", in: buildah, "pull", "--tls-verify=false", "\(registry.authority)/podman:v1")
        try await ContainerClients.run(
            "buildah", in: buildah, "push", "--tls-verify=false", "\(registry.authority)/podman:v1",
            "docker://\(registry.authority)/buildah:v1")
        #expect(try await ContainerClients.tags("\(registry.authority)/buildah") == ["v1"])
    }

    @Test
    func `oras and we read what the other wrote`() async throws {
        let registry = try await TestRegistry()
        let place = registry.work.path
        let file = try SampleFiles.file(place + "/from/o.bin", 700_000, seed: 10)
        try await ContainerClients.oras("push", "\(registry.authority)/oras:v1", file)
        let pulled = try await registry.pull("oras:v1", to: place + "/pulled", "--direct")
        #expect(pulled.status == 0, "\(pulled)")
        #expect(try SampleFiles.snapshot(place + "/pulled/o.bin") == SampleFiles.snapshot(file))

        let tree = try SampleFiles.tree(place + "/tree")
        try await registry.keep(tree, as: "team/tree:1.0")
        let agent = try await registry.agent()
        for (index, authority) in [registry.authority, agent.oci].enumerated() {
            let target = "\(place)/oras\(index)"
            try await ContainerClients.oras("pull", "\(authority)/team/tree:1.0", target)
            // It knows of no executable files.
            let (ours, theirs) = (try SampleFiles.snapshot(tree), try SampleFiles.snapshot(target))
            #expect(ours.mapValues(\.content) == theirs.mapValues(\.content))
        }
    }

    @Test(arguments: ["aria2", "libtorrent"])
    func `A BitTorrent client takes a blob by its torrent`(_ client: String) async throws {
        let network = try Network(hosts: 2)
        let registry = try await TestRegistry(on: (network.hosts[0], network.address(0)))
        let file = try SampleFiles.file(registry.work.path + "/blob.bin", 2_000_003, seed: 12)
        try await registry.keep(file, as: "team/blob:1.0")
        let bytes = SampleFiles.bytes(2_000_003, seed: 12)
        let hex = String(OCIClient.digest(of: bytes).dropFirst("sha256:".count))
        let torrent = registry.work.path + "/blob.torrent"
        let fetched = try await Program(
            ["curl", "-sSf", "-o", torrent, "\(registry.url)/namespace/team/blob/blobs/sha256:\(hex)/metainfo"],
            on: network.hosts[1]
        ).ending()
        try #require(fetched.status == 0, "\(fetched)")
        let directory = try registry.work.directory("other")
        let (space, address) = (network.hosts[1], network.address(1))
        let peer =
            client == "aria2"
            ? try Aria2.peer(torrent, save: directory, address: address, port: 7000, on: space)
            : try Libtorrent.peer(["listen": "\(address):7000", "save": directory, "torrent": torrent], on: space)
        try await wait(60, for: "whole copy by \(client): \(peer.errors.suffix(500))") {
            FileManager.default.contents(atPath: directory + "/" + hex) == bytes
        }
    }
}
