import Foundation
import Synchronization
import TestSupport
import Testing

/// A tracker, an object store and delivery nodes in a namespace of their own, so that every port is theirs and the same
/// after a restart.
final class NodeNetwork {
    /// One node: killed and started again at will, its directories stay.
    final class Node {
        let name: String
        let api: String
        let base: String
        let data: String
        let configuration: String
        fileprivate(set) var program: Program?
        private unowned let network: NodeNetwork

        fileprivate init(_ name: String, port: Int, network: NodeNetwork, keys: [String: Any]) throws {
            self.name = name
            self.network = network
            api = "127.0.0.1:\(port)"
            let directory = try network.work.directory(name)
            base = directory + "/dcp"
            data = directory + "/data"
            configuration = directory + "/config.json"
            let own: [String: Any] = [
                "basedatapath": base, "datapath": data, "hashtable": directory + "/hashtable.txt", "listen": api,
                "btlisten": "127.0.0.1:\(port + 1000)", "taskroots": [directory], "basesubdir": "cfec-001",
                "tracker": network.announce, "obsendpoint": "http://127.0.0.1:\(network.storePort)",
                "obsak": "testaccess", "obssk": "testsecret0123456789",
            ]
            let all = own.merging(keys) { $1 }
            try JSONSerialization.data(withJSONObject: all, options: [.prettyPrinted, .sortedKeys])
                .write(to: URL(fileURLWithPath: configuration))
        }

        func start() throws {
            program = try Swoop.start("node", "--config", configuration, "--json", on: network.host)
        }

        func waitUntilUp() async throws { _ = try await program?.waitForEvent("listening") }

        /// The node itself, not the command that put it into the namespace (which becomes it).
        func nodePID() throws -> Int32 { try #require(program?.pid) }

        /// `kill -9`.
        func kill() async throws {
            program?.send(SIGKILL)
            _ = try await program?.ending()
        }

        func names(_ directory: String) -> [String] {
            ((try? FileManager.default.contentsOfDirectory(atPath: data + "/" + directory)) ?? [])
                .filter { $0.hasSuffix(".task.json") }
        }
    }

    /// Every network's own, though each has its ports to itself: the store's processes also talk over sockets in /tmp that are
    /// named after them.
    let storePort: Int
    private static let stores = Atomic<Int>(0)
    let work: TemporaryDirectory
    let host: NetworkNamespace
    let announce: String
    private let tracker: Program
    private var store: Program?
    private var nextPort = 8191

    init(store withStore: Bool = true) async throws {
        storePort = 11_000 + 10 * Self.stores.wrappingAdd(1, ordering: .relaxed).oldValue
        work = try TemporaryDirectory()
        host = try NetworkNamespace()
        tracker = try Swoop.start("tracker", "--http", "127.0.0.1:6969", "--interval", "2s", "--json", on: host)
        _ = try await tracker.waitForEvent("listening")
        announce = "http://127.0.0.1:6969/announce"
        if withStore { try await startStore() }
    }

    private func startStore() async throws {
        let top = URL(fileURLWithPath: #filePath).pathComponents.dropLast(4).joined(separator: "/").dropFirst()
        let script = "\(top)/Scripts/test-servers/s3"
        // Outside the namespace: it may have to be fetched.
        let installed = try await Program([script, "install"]).ending(within: 300)
        try #require(installed.status == 0, "\(installed)")
        let store = try Program([script, "run", work.path + "/store", "\(storePort)"], on: host)
        self.store = store
        // Its file system, four ports above, shows the bucket last.
        let probe = [
            "curl", "-sf", "-o", "/dev/null", "--retry", "100", "--retry-delay", "0", "--retry-all-errors",
            "--retry-connrefused", "http://127.0.0.1:\(storePort + 4)/buckets/dcp/",
        ]
        let answer = try await Program(probe, on: host).ending(within: 60)
        try #require(answer.status == 0, "\(answer)\n\(store.errors.suffix(500))")
    }

    func node(_ name: String, _ role: String, _ keys: [String: Any] = [:]) async throws -> Node {
        var keys = keys
        keys["servertype"] = role
        if role == "sender" {
            let www = "127.0.0.1:\(nextPort + 500)"
            keys.merge(["www": www, "senderdomain": "http://\(www)", "cdnurl": "http://\(www)"]) { $1 }
        }
        let node = try Node(name, port: nextPort, network: self, keys: keys)
        nextPort += 1
        try node.start()
        try await node.waitUntilUp()
        return node
    }

    /// Runs one of our commands here.
    func run(_ words: String..., within seconds: Double = 60) async throws -> Program.Ending {
        try await Program([Swoop.path] + words, on: host).ending(within: seconds)
    }

    /// `swoop task WORDS` of a node, which must succeed: the JSON lines it printed.
    @discardableResult
    func task(_ node: Node, _ words: String...) async throws -> [[String: Any]] {
        let ending = try await Program(
            [Swoop.path, "task"] + words + ["--node", node.api, "--config", node.configuration, "--json"], on: host
        ).ending(within: 120)
        try #require(ending.status == 0, "\(words): \(ending)")
        return Program.events(in: ending.output)
    }

    /// Makes content NAME at a sender: files of the same size, the same bytes for the same seed.
    func makeContent(_ name: String, at sender: Node, files: Int, bytes: Int, seed: UInt64) throws {
        for index in 0..<files {
            try SampleFiles.file(
                "\(sender.base)/cfec-001/dcps/\(name)/reel\(index).mxf", bytes + index,
                seed: seed &* 100 + UInt64(index))
        }
    }

    /// Puts a sender's published task file into a node's queue, as programs without an API do.
    func drop(_ name: String, of sender: Node, into node: Node) throws {
        let file = "cfec-001-\(name).task.json"
        let tmp = "\(node.data)/receiver/tmp/\(file)"
        try FileManager.default.copyItem(atPath: "\(sender.data)/sender/uploaded/\(file)", toPath: tmp)
        try FileManager.default.moveItem(atPath: tmp, toPath: "\(node.data)/receiver/queues/\(file)")
    }

    /// Whether stored content is the sender's.
    func isCopy(_ name: String, at receiver: Node, of sender: Node) throws -> Bool {
        try SampleFiles.snapshot("\(receiver.base)/\(name)")
            == SampleFiles.snapshot("\(sender.base)/cfec-001/dcps/\(name)")
    }
}
