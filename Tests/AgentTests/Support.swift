import Address
import Admission
import Agent
import BlobNode
import Blobs
import Foundation
import HTTPServing
import Hashing
import JSON
import Logging
import Metainfo
import NameIndex
import Origin
import Registry
import RegistryAccess
import RegistryClient
import Swarm
import TestSupport
import Testing
import Text
import Threads

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A registry on loopback, and agents that pull from it. Ended by ``run(_:)``.
final class TestRegistry: Sendable {
    let place: TemporaryDirectory
    let node: BlobNode
    let index: SQLiteTagStore
    let server: RegistryServer
    private let swarm: SwarmNode

    /// - Parameter upload: bytes per second that its engine sends; nil for no limit.
    private init(upload: Int?) async throws {
        _ = Self.stateHome
        place = try TemporaryDirectory(inMemory: true)
        swarm = try SwarmNode(logger: quiet)
        var options = TransferOptions()
        options.listen = PeerAddress(host: "127.0.0.1", port: 0)
        options.uploadLimit = upload
        node = BlobNode(
            directory: try BlobDirectory(path: place.path), swarm: swarm, options: options, logger: quiet)
        try await node.start()
        index = try await SQLiteTagStore.open(place.path + "/index.db", rules: try TagRules())
        server = try await RegistryServer.start(
            at: [ListenAddress(host: "127.0.0.1", port: 0)], node: node, index: index,
            peers: await node.peerAddress.map { "\($0)" } ?? "", trackers: [], access: .local,
            admission: Admission(), logger: quiet)
    }

    /// What is vouched for is kept out of the home of whoever runs the tests.
    private static let stateHome: String = {
        let path = NSTemporaryDirectory() + "/agent-test-state-\(getpid())"
        setenv("XDG_STATE_HOME", path, 1)
        atexit { try? FileManager.default.removeItem(atPath: TestRegistry.stateHome) }
        return path
    }()

    static func run(upload: Int? = nil, _ body: (TestRegistry) async throws -> Void) async throws {
        let registry = try await TestRegistry(upload: upload)
        let result: Result<Void, any Error>
        do { result = .success(try await body(registry)) } catch { result = .failure(error) }
        await registry.server.stop()
        await registry.swarm.shutdown()
        await registry.index.close()
        try result.get()
    }

    var url: HTTPURL {
        get throws {
            guard let url = HTTPURL("http://\(server.addresses[0])") else { throw TimedOut(description: "no URL") }
            return url
        }
    }

    /// Stores a blob as if it had been pushed.
    @discardableResult
    func push(_ bytes: [UInt8], to name: String) async throws -> BlobDigest {
        let digest = SHA256.digest(bytes)
        let upload = try BlobUpload(in: node.directory)
        try upload.enter(at: nil)
        try bytes.withUnsafeBytes { try upload.append([$0]) }
        let blob = try upload.finish(digest)
        node.catalogue.add(digest, blob.info, usedAt: 0)
        guard let name = ContentName(name) else { throw TimedOut(description: "no name") }
        try await index.link([BlobDigest(digest)], to: name, at: 1)
        return BlobDigest(digest)
    }

    /// Pushes as a client does, so that agents hear of the tag.
    func put(_ files: [(String, [UInt8])], as text: String) async throws {
        guard let reference = Reference(text) else { throw TimedOut(description: "no tag") }
        var entries: [FilesManifest.File] = []
        for (path, bytes) in files {
            let digest = try await push(bytes, to: reference.name.text)
            entries.append(
                .init(path: try SafePath(path), digest: digest, size: Int64(bytes.count), isExecutable: false))
        }
        try await push(FilesManifest.emptyConfig, to: reference.name.text)
        let (port, body) = (
            UInt16(server.addresses[0].port), String(decoding: FilesManifest.make(entries), as: UTF8.self)
        )
        let path = "/v2/\(reference.name)/manifests/\(reference.version)"
        let reply = try await Threads.offload { () -> Result<Reply, any Error> in
            Result {
                try Reply(port, path, "PUT", ["Content-Type: application/vnd.oci.image.manifest.v1+json"], body)
            }
        }.get()
        guard reply.status == 201 else { throw TimedOut(description: "\(reply.status): \(reply.text)") }
    }

    /// Stores a tag with files.
    func push(_ files: [(String, [UInt8])], as text: String) async throws {
        guard let reference = Reference(text), case .tag(let tag) = reference.version else {
            throw TimedOut(description: "no tag")
        }
        var entries: [FilesManifest.File] = []
        for (path, bytes) in files {
            let digest = try await push(bytes, to: reference.name.text)
            entries.append(
                .init(path: try SafePath(path), digest: digest, size: Int64(bytes.count), isExecutable: false))
        }
        try await push(FilesManifest.emptyConfig, to: reference.name.text)
        let manifest = try Manifest(FilesManifest.make(entries), type: nil)
        _ = try await index.put(
            manifest, under: reference.name, tags: [tag], expecting: .anything,
            by: Act(who: "test", address: "", at: 1))
    }
}

/// An agent on loopback.
final class TestAgent: Sendable {
    let place: TemporaryDirectory
    let agent: Agent
    let server: AgentServer
    private let swarm: SwarmNode

    private init(
        _ registry: TestRegistry, in place: TemporaryDirectory, _ bounds: CacheBounds,
        _ settings: BlobFetches.Settings, at url: HTTPURL?, _ hush: Hush
    ) async throws {
        self.place = place
        swarm = try SwarmNode(logger: quiet)
        var options = TransferOptions()
        options.listen = PeerAddress(host: "127.0.0.1", port: 0)
        let node = BlobNode(
            directory: try BlobDirectory(path: place.path), swarm: swarm, options: options, logger: quiet)
        agent = Agent(
            node: node,
            view: RegistryView(try url ?? registry.url, credential: nil),
            bounds: bounds, settings: settings, hush: hush, logger: quiet)
        try await agent.start()
        server = try await AgentServer.start(
            agent, at: [ListenAddress(host: "127.0.0.1", port: 0)], admission: Admission(), logger: quiet)
    }

    static func run(
        _ registry: TestRegistry, in place: TemporaryDirectory? = nil, bounds: CacheBounds = .forTests,
        settings: BlobFetches.Settings = BlobFetches.Settings(), at url: HTTPURL? = nil, hush: Hush = Hush(),
        _ body: (TestAgent) async throws -> Void
    ) async throws {
        let agent = try await TestAgent(
            registry, in: place ?? TemporaryDirectory(inMemory: true), bounds, settings, at: url, hush)
        let result: Result<Void, any Error>
        do { result = .success(try await body(agent)) } catch { result = .failure(error) }
        await agent.server.stop()
        await agent.agent.stop()
        await agent.swarm.shutdown()
        try result.get()
    }

    func isCached(_ digest: BlobDigest) -> Bool { agent.node.catalogue.entry(of: digest.sha256) != nil }

    func ask(_ path: String, method: String = "GET", headers: [String] = [], body: String = "") async throws -> Reply {
        let port = UInt16(server.addresses[0].port)
        return try await Threads.offload { () -> Result<Reply, any Error> in
            Result { try Reply(port, path, method, headers, body) }
        }.get()
    }
}

extension CacheBounds {
    /// No matter how full the disk is that the tests run on.
    static var forTests: CacheBounds {
        var bounds = CacheBounds()
        (bounds.most, bounds.keepFree) = (.bytes(1 << 40), .bytes(0))
        return bounds
    }
}

/// The answer to one request on a connection of its own.
struct Reply: Sendable {
    let status: Int
    let head: String
    let body: [UInt8]

    init(_ port: UInt16, _ path: String, _ method: String, _ headers: [String], _ body: String) throws {
        let connection = try OpenRequest(port, path, method, headers, body)
        self = try connection.rest()
    }

    fileprivate init(_ bytes: [UInt8]) throws {
        let mark: [UInt8] = [13, 10, 13, 10]
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: mark) }) else {
            throw TimedOut(description: "no answer")
        }
        head = String(decoding: bytes[..<end], as: UTF8.self)
        body = Array(bytes[(end + 4)...])
        status = Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0
    }

    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSONValue { (try? JSONValue.parse(body)) ?? .null }
    func has(_ header: String) -> Bool { head.lowercased().contains(header.lowercased()) }
}

/// A request whose answer is read bit by bit. Blocks.
final class OpenRequest {
    private let socket: CInt
    private(set) var received: [UInt8] = []

    init(_ port: UInt16, _ path: String, _ method: String = "GET", _ headers: [String] = [], _ body: String = "") throws
    {
        socket = try Loopback.connect(to: port, patience: 30)
        var lines = ["\(method) \(path) HTTP/1.1", "Host: 127.0.0.1:\(port)", "Connection: close"] + headers
        if !body.isEmpty { lines.append("Content-Length: \(body.utf8.count)") }
        Loopback.send(socket, Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8))
    }

    deinit { close(socket) }

    /// Reads until so many bytes of the answer are here, head and all.
    func read(_ count: Int) {
        while received.count < count, let more = Loopback.receive(socket), !more.isEmpty { received += more }
    }

    func rest() throws -> Reply {
        while let more = Loopback.receive(socket), !more.isEmpty { received += more }
        return try Reply(received)
    }
}
