import Address
import Admission
import Backends
import BlobNode
import Blobs
import ColdStore
import HTTPTransport
import Hashing
import Logging
import NIOCore
import NIOHTTP1
import OCI
import OriginCluster
import Registry
import RegistryAccess
import RegistryClient
import Swarm
import Synchronization
import TestSupport
import Testing
import Text
import Threads

func quietLogger() -> Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

/// The index of a cluster, in memory.
final class MemoryIndex: OCIIndex {
    private struct Key: Hashable {
        let name: ContentName
        let digest: BlobDigest
    }

    private let blobs = Mutex<Set<Key>>([])

    func hasBlob(_ digest: BlobDigest, in name: ContentName) async throws(OCIError) -> Bool {
        blobs.withLock { $0.contains(Key(name: name, digest: digest)) }
    }
    func addBlob(_ digest: BlobDigest, to name: ContentName) async throws(OCIError) {
        blobs.withLock { _ = $0.insert(Key(name: name, digest: digest)) }
    }
    func removeBlob(_ digest: BlobDigest, from name: ContentName) async throws(OCIError) -> Bool {
        blobs.withLock { $0.remove(Key(name: name, digest: digest)) != nil }
    }
    func manifest(_ name: ContentName, _ version: Reference.Version) async throws(OCIError) -> Manifest? { nil }
    func put(_ manifest: Manifest, in name: ContentName, tags: [Registry.Tag], by author: Author) async throws(OCIError)
    {}
    func removeManifest(
        _ name: ContentName, _ digest: BlobDigest, by author: Author
    ) async throws(OCIError) -> Bool { false }
    func removeTag(_ name: ContentName, _ tag: Registry.Tag, by author: Author) async throws(OCIError) -> Bool { false }
    func tags(of name: ContentName, after: String?, limit: Int) async throws(OCIError) -> [Registry.Tag]? { nil }
    func names(after: String?, limit: Int) async throws(OCIError) -> [ContentName] { [] }
    func referrers(to digest: BlobDigest, in name: ContentName) async throws(OCIError) -> [Manifest] { [] }
}

/// Settings that lose no time.
var quick: ClusterSettings {
    var settings = ClusterSettings()
    settings.healthInterval = 0.1
    settings.healthTimeout = 1
    settings.repairAfter = 0.5
    settings.copyPatience = 20
    return settings
}

/// Several origins in this process, each with a directory, an engine and a port of its own.
final class Bench: Sendable {
    struct Node: Sendable {
        let host: String
        let node: BlobNode
        let watch: ClusterWatch
        let server: OriginServer
        let cold: ColdStore?
        let peers: OriginPeers
        let swarm: SwarmNode

        func has(_ digest: BlobDigest) -> Bool {
            node.catalogue.entry(of: digest.sha256) != nil && (try? node.directory.size(of: digest.sha256)) != nil
        }

        func stop() async {
            await server.stop()
            await watch.stop()
            await cold?.stop()
            await peers.shutdown()
            await swarm.shutdown()
            await node.stop()
        }
    }

    /// The registry's other parts, as origins are told them.
    struct Outside: Sendable {
        var indexes: [HTTPURL] = []
        /// Announce URLs.
        var trackers: [String] = []
    }

    let work: TemporaryDirectory
    let hosts: [String]
    let index = MemoryIndex()
    private let nodes = Mutex<[Node?]>([])
    private let settings: ClusterSettings
    private let store: FileBackend?
    private let outside: Outside
    let client: HTTPTransport

    static func with(
        _ count: Int, list: Int? = nil, _ settings: ClusterSettings = quick, store: FileBackend? = nil,
        outside: Outside = Outside(), _ body: (Bench) async throws -> Void
    ) async throws {
        let bench = try Bench(count, settings, store, outside)
        do {
            let list = Array(bench.hosts.prefix(list ?? count))
            for index in 0..<count { try await bench.start(index, list: list) }
            try await body(bench)
        } catch {
            await bench.stop()
            throw error
        }
        await bench.stop()
    }

    private init(
        _ count: Int, _ settings: ClusterSettings, _ store: FileBackend?, _ outside: Outside
    ) throws {
        work = try TemporaryDirectory()
        self.outside = outside
        self.settings = settings
        self.store = store
        let first = try FreePort.findRow(of: UInt16(count))
        hosts = (0..<count).map { "127.0.0.1:\(Int(first) + $0)" }
        nodes.withLock { $0 = Array(repeating: nil, count: count) }
        client = HTTPTransport(settings: HTTPTransportSettings())
    }

    /// The origin of a number; it runs.
    subscript(_ index: Int) -> Node { get throws { try #require(nodes.withLock { $0[index] }) } }

    func node(at host: String) throws -> Node { try self[try #require(hosts.firstIndex(of: host))] }

    var running: [Node] { nodes.withLock { $0.compactMap { $0 } } }

    func start(_ index: Int, list: [String]? = nil) async throws {
        let swarm = try SwarmNode(configuration: SwarmNode.Configuration(), logger: quietLogger())
        var options = TransferOptions()
        options.listen = PeerAddress("127.0.0.1:0")
        let node = BlobNode(
            directory: try BlobDirectory(path: work.path("origin\(index)")), swarm: swarm, options: options,
            logger: quietLogger())
        try await node.start()
        var cold: ColdStore?
        if let store {
            var settings = ColdSettings()
            settings.backoff = Backoff(first: 0.05, longest: 0.2)
            settings.ownerPause = store.ownerPause
            let opened = try await store.open(
                node: node, path: work.path("origin\(index)/origin.db"), settings: settings)
            try await opened.start()
            cold = opened
        }
        let host = hosts[index]
        let peers = OriginPeers(isSecure: false, credential: nil, settings: HTTPTransportSettings())
        let watch = ClusterWatch(
            .list(list ?? hosts), own: host, peers: peers, settings: settings, instance: BlobUpload.newID(),
            logger: quietLogger())
        let doors = OriginDoors(
            addresses: [try #require(ListenAddress(host))], access: .local,
            peers: await node.peerAddress.map { "\($0)" } ?? "", indexes: outside.indexes, trackers: outside.trackers)
        let server = try await OriginServer.start(
            doors, node: node, index: self.index, cold: cold, watch: watch, peers: peers, settings: settings,
            admission: Admission(), logger: quietLogger())
        await watch.start()
        nodes.withLock {
            $0[index] = Node(
                host: host, node: node, watch: watch, server: server, cold: cold, peers: peers, swarm: swarm)
        }
    }

    func stop(_ index: Int) async {
        let node = nodes.withLock { nodes in
            defer { nodes[index] = nil }
            return nodes[index]
        }
        await node?.stop()
    }

    private func stop() async {
        for index in hosts.indices { await stop(index) }
        await client.shutdown()
    }

    // MARK: What clients do

    static let name = ContentName("team/app")

    struct Answer {
        let status: Int
        let headers: HTTPHeaders
        let body: [UInt8]
    }

    func call(
        _ method: HTTPMethod, _ index: Int, _ path: String, _ headers: HTTPHeaders = [:], body: [UInt8]? = nil
    ) async throws -> Answer {
        let text = path.hasPrefix("http") ? path : "http://\(hosts[index])\(path)"
        let answer = try await client.request(
            method, try #require(HTTPURL(text)), headers: headers, body: body.map { HTTPRequestBody($0) },
            deadline: .now() + .seconds(60))
        return Answer(
            status: Int(answer.status.code), headers: answer.headers,
            body: try await client.collect(answer, limit: 256 << 20))
    }

    /// Pushes a blob in one request.
    func push(_ bytes: [UInt8], to index: Int, as digest: BlobDigest? = nil) async throws -> Int {
        let digest = digest ?? BlobDigest(SHA256.digest(bytes))
        return try await call(
            .POST, index, "/v2/team/app/blobs/uploads/?digest=\(digest)", ["Content-Type": "application/octet-stream"],
            body: bytes
        ).status
    }

    func read(_ digest: BlobDigest, from index: Int, range: String? = nil) async throws -> Answer {
        try await call(
            .GET, index, "/v2/team/app/blobs/\(digest)", range.map { ["Range": "bytes=\($0)"] } ?? [:])
    }

    /// Numbers of the origins that have a blob.
    func holders(of digest: BlobDigest) -> Set<Int> {
        Set(hosts.indices.filter { index in nodes.withLock { $0[index] }?.has(digest) ?? false })
    }

    /// Numbers of a blob's owners, the first in rank first.
    func owners(of digest: BlobDigest) throws -> [Int] {
        let placement = try #require(running.first).watch.placement
        return placement.owners(of: digest).compactMap { hosts.firstIndex(of: $0) }
    }
}

/// A back end, opened by each origin for itself.
struct FileBackend: Sendable {
    let path: String
    var ownerPause = 0.2

    func open(node: BlobNode, path: String, settings: ColdSettings) async throws -> ColdStore {
        let backends = try Backends(all: try BackendAddress("file://" + self.path) { _ in nil }.open())
        return try await ColdStore.open(
            node: node, backends: backends, path: path, settings: settings, logger: quietLogger())
    }
}

func sample(_ count: Int, seed: UInt64) -> [UInt8] { randomBytes(count, seed: seed) }

func digest(of bytes: [UInt8]) -> BlobDigest { BlobDigest(SHA256.digest(bytes)) }
