import Foundation
import TestSupport
import Testing

/// What a machine does to a node: no room, directories that go, few descriptors, a network that is away.
@Suite("Delivery nodes in trouble", .serialized, .timeLimit(.minutes(3)))
struct NodeTroubleTests {
    static let slow = ["cdnlimit": "3M", "btlimit": "3M"]

    /// A file system in memory; taken away at the end.
    private final class SmallDisk {
        let path: String

        init(_ path: String, size: String) async throws {
            self.path = path
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            try await mount("-t", "tmpfs", "-o", "size=\(size)", "none", path)
        }

        func resize(_ size: String) async throws { try await mount("-o", "remount,size=\(size)", path) }

        private func mount(_ words: String...) async throws {
            let ending = try await Program(["mount"] + words).ending()
            guard ending.status == 0 else { throw TimedOut(description: "mount: \(ending) (these tests need root)") }
        }

        /// Nothing on it can be changed, or everything can again; not even root gets around that.
        func setReadOnly(_ isReadOnly: Bool) async throws {
            try await mount("-o", "remount,\(isReadOnly ? "ro" : "rw")", path)
        }

        func remove() async throws { _ = try await Program(["umount", "-l", path]).ending() }
    }

    private func progress(_ network: NodeNetwork, _ node: NodeNetwork.Node) async throws -> [String: Any] {
        let events = try await network.task(node, "progress", "film", "cfec-001", "--no-follow")
        return events.last { $0["event"] as? String == "reply" }?["content"] as? [String: Any] ?? [:]
    }

    private func downloaded(_ network: NodeNetwork, _ node: NodeNetwork.Node, _ sender: NodeNetwork.Node) async throws {
        try await wait(60, for: "delivery") { node.names("receiver/downloaded") == ["cfec-001-film.task.json"] }
        #expect(try network.isCopy("film", at: node, of: sender))
        #expect(SampleFiles.exists(node.base + "/film.finished"))
    }

    @Test
    func `A full disk is told of, and the delivery goes on when there is room`() async throws {
        let network = try await NodeNetwork(store: false)
        let sender = try await network.node("sender", "sender")
        try network.makeContent("film", at: sender, files: 6, bytes: 2 << 20, seed: 1)
        try await network.task(sender, "autosend", "film", "1:0:1")
        let disk = try await SmallDisk(network.work.path + "/receiver", size: "9m")
        let receiver = try await network.node("receiver", "receiver")
        try network.drop("film", of: sender, into: receiver)
        try await wait(30, for: "the reason") {
            SampleFiles.exists(receiver.data + "/receiver/downloading/cfec-001-film.task.json")
        }
        var reason = ""
        for _ in 0..<100 where !reason.lowercased().contains("space") {
            reason = try await progress(network, receiver)["downerror"] as? String ?? ""
            #expect(!SampleFiles.exists(receiver.base + "/film"))
        }
        #expect(reason.lowercased().contains("space"), "\(reason)")
        try await disk.resize("40m")
        try await downloaded(network, receiver, sender)
        try await receiver.program?.stop()
        try await disk.remove()
    }

    @Test
    func `A delivery to where nothing can be written is refused with the reason, and succeeds when it can`()
        async throws
    {
        let network = try await NodeNetwork(store: false)
        let sender = try await network.node("sender", "sender")
        try network.makeContent("film", at: sender, files: 3, bytes: 1 << 20, seed: 1)
        try await network.task(sender, "autosend", "film", "1:0:1")
        let disk = try await SmallDisk(network.work.path + "/receiver/dcp", size: "40m")
        let receiver = try await network.node("receiver", "receiver")
        try await disk.setReadOnly(true)
        try network.drop("film", of: sender, into: receiver)
        try await wait(for: "refusal") { receiver.names("receiver/failed") == ["cfec-001-film.task.json"] }
        let reason = try String(
            contentsOfFile: receiver.data + "/receiver/failed/cfec-001-film.task.json.bterr", encoding: .utf8)
        #expect(reason.contains(disk.path) && reason.lowercased().contains("read-only"), "\(reason)")
        #expect(!SampleFiles.exists(receiver.base + "/film.finished"))
        try await disk.setReadOnly(false)
        try network.drop("film", of: sender, into: receiver)
        try await downloaded(network, receiver, sender)
        try await receiver.program?.stop()
        try await disk.remove()
    }

    @Test
    func `A node that may not write its directories ends with 6 and says which`() async throws {
        let network = try await NodeNetwork(store: false)
        let disk = try await SmallDisk(network.work.path + "/receiver", size: "1m")
        try await disk.setReadOnly(true)
        let configuration = network.work.path + "/config.json"
        let keys = [
            "servertype": "receiver", "listen": "127.0.0.1:8300", "basedatapath": disk.path + "/dcp",
            "datapath": disk.path + "/data", "hashtable": disk.path + "/hashes.txt",
        ]
        try JSONSerialization.data(withJSONObject: keys).write(to: URL(fileURLWithPath: configuration))
        let ending = try await network.run("node", "--config", configuration)
        #expect(ending.status == 6, "\(ending)")
        #expect(ending.errors.contains(disk.path))
        try await disk.remove()
    }

    @Test
    func `What was under way is fetched again when somebody removes it, and never shown before it is whole`()
        async throws
    {
        let network = try await NodeNetwork(store: false)
        let sender = try await network.node("sender", "sender")
        try network.makeContent("film", at: sender, files: 6, bytes: 2 << 20, seed: 1)
        try await network.task(sender, "autosend", "film", "1:0:1")
        let receiver = try await network.node("receiver", "receiver", Self.slow)
        try network.drop("film", of: sender, into: receiver)
        try await wait(for: "some of it") {
            let files = try? FileManager.default.contentsOfDirectory(atPath: receiver.data + "/transfer/cfec-001/film")
            return (files?.count ?? 0) >= 2
        }
        try FileManager.default.removeItem(atPath: receiver.data + "/transfer/cfec-001")
        try await downloaded(network, receiver, sender)
    }

    @Test
    func `1,024 descriptors are enough for a content of 1,500 files`() async throws {
        let network = try await NodeNetwork(store: false)
        let sender = try await network.node("sender", "sender")
        for index in 0..<1_500 {
            try SampleFiles.file("\(sender.base)/cfec-001/dcps/film/part\(index)", 3_000 + index, seed: UInt64(index))
        }
        try await network.task(sender, "autosend", "film", "1:0:1")
        let receiver = try await network.node("receiver", "receiver")
        let limited = try await Program(
            ["prlimit", "--pid", "\(try receiver.nodePID())", "--nofile=1024:1024"]
        ).ending()
        #expect(limited.status == 0, "\(limited)")
        try network.drop("film", of: sender, into: receiver)
        try await downloaded(network, receiver, sender)
    }

    @Test
    func `A network that goes away and comes back holds up a delivery, no more`() async throws {
        let network = try await NodeNetwork(store: false)
        let sender = try await network.node("sender", "sender")
        try network.makeContent("film", at: sender, files: 6, bytes: 2 << 20, seed: 1)
        try await network.task(sender, "autosend", "film", "1:0:1")
        let receiver = try await network.node("receiver", "receiver", Self.slow)
        try network.drop("film", of: sender, into: receiver)
        try await wait(for: "some of it") { SampleFiles.exists(receiver.data + "/transfer/cfec-001/film") }
        try NetworkNamespace.ip("-n", network.host.name, "link", "set", "lo", "down")
        // Nobody can ask it: its log says when requests fail.
        let said = receiver.program?.errors.count ?? 0
        try await wait(for: "a request that fails") {
            receiver.program?.errors.dropFirst(said).contains("transfer warning") == true
        }
        #expect(!SampleFiles.exists(receiver.base + "/film"))
        try NetworkNamespace.ip("-n", network.host.name, "link", "set", "lo", "up")
        try await downloaded(network, receiver, sender)
    }
}
