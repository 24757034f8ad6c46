import Address
import BFT
import Foundation
import JSON
import Jobs
import Logging
import Node
import Policy
import TestSupport
import Testing
import Text

/// A node of a test with directories of its own: BASE is `dcp`, DATA is `data`.
struct TestNode {
    let node: DeliveryNode
    let place: TemporaryDirectory
    let configuration: NodeConfiguration
    var log = NodeLog()

    /// - Parameter isStopped: whether the node is told to stop while it is being started.
    static func start(
        _ role: NodeRole, in place: TemporaryDirectory? = nil, server: TestServer,
        tunables: NodeTunables = .quick, clock: any JobClock = SystemJobClock(),
        isStopped: Bool = false, _ change: (inout NodeConfiguration) -> Void = { _ in }
    ) async throws -> TestNode {
        let place = try place ?? TemporaryDirectory()
        var configuration = NodeConfiguration(role: role)
        configuration.baseDataPath = place.path + "/dcp"
        configuration.dataPath = place.path + "/data"
        configuration.taskRoots = [place.path]
        configuration.hashTable = place.path + "/hashtable.txt"
        configuration.senderDomain = server.url
        configuration.cdnURL = server.url
        configuration.tracker = server.url + "/announce"
        configuration.storeKeys = StoreKeys(
            accessKey: Secret("AK"), secretKey: Secret("SECRETSECRET"), endpoint: server.url)
        configuration.storeStyle = .path
        configuration.torrentListen = ListenAddress(host: "127.0.0.1", port: 0)
        configuration.callback = server.url + "/callback"
        change(&configuration)
        let log = NodeLog()
        let node = try DeliveryNode(configuration: configuration, logger: log.logger, clock: clock, tunables: tunables)
        async let start: Void = node.start()
        if isStopped {
            await Task.yield()
            await node.stop()
        }
        try await start
        return TestNode(node: node, place: place, configuration: configuration, log: log)
    }

    func call(_ method: String, _ parameters: JSONObject) async -> APIReply {
        let request = APIRequest(method: method, parameters: parameters)
        return switch method {
        case "gentask": await node.gentask(request)
        case "taskfilesquery": await node.taskfilesquery(request)
        case "send": await node.send(request)
        case "sends": await node.sends(request)
        case "uploadprogress": await node.uploadprogress(request)
        case "recv": await node.recv(request)
        case "cancel": await node.cancel(request)
        default: await node.progress(request)
        }
    }

    /// Makes a task of `dcp/SUBDIR/dcps/NAME` and sends it, until it is ready.
    func publish(
        _ name: String, _ shares: String, subdirectory: String = "cfec-001", policy: String = "fulltime",
        seedTime: String = "72", source: String = "local"
    ) async throws -> String {
        let file = "\(subdirectory)-\(name).task.json"
        let task = "\(place.path)/data/sender/tmp/\(file)"
        let path = "\(place.path)/dcp/\(subdirectory)/dcps/\(name)"
        let made = await call(
            "gentask",
            [
                "dcppath": .string(path), "taskfile": .string(task), "basesubdir": .string(subdirectory),
                "btobscdn": .string(shares), "policy": .string(policy), "seedtime": .string(seedTime),
                "datasource": .string(source),
            ])
        try #require(made.succeeded, "\(made.text)")
        try await until("the task is made") {
            await call("taskfilesquery", ["dcppath": .string(path), "taskfile": .string(task)])
                .content["status"] == "finished"
        }
        let sent = await call("send", ["taskfile": .string(task)])
        try #require(sent.succeeded, "\(sent.text)")
        try await until("the task is ready") {
            await call("uploadprogress", ["taskfile": .string(file)]).content["status"] == "ready"
        }
        return file
    }

    /// The finished task file of a sender, put where a receiver's management system would put it.
    func take(_ file: String, from sender: TestNode) async throws -> String {
        let bytes = try #require(await sender.node.taskFile(named: file))
        let path = "\(place.path)/data/receiver/tmp/\(file)"
        try place.write("data/receiver/tmp/\(file)", bytes)
        return path
    }

    /// Returns when the library has taken in and written all that it has seen.
    func settleLibrary() async {
        await node.libraryIsCurrent()
    }

    /// Waits until a task has a status.
    func reaches(_ status: String, _ file: String) async throws {
        do { try await until(status) { await self.status(file) == status } } catch {
            Issue.record("\(error): it is '\(await self.status(file))'; the node has logged:\n\(log.text)")
            throw error
        }
    }

    func status(_ file: String) async -> String {
        await call("progress", ["taskfile": .string(file)]).content["status"]?.stringValue ?? ""
    }
}

extension NodeTunables {
    /// The delays of the program; only its looks at the queues come sooner. For nodes whose clock is wound forward.
    static var shipped: NodeTunables {
        var tunables = NodeTunables()
        tunables.tick = 0.05
        return tunables
    }

    static var quick: NodeTunables {
        var tunables = NodeTunables()
        tunables.tick = 0.05
        tunables.torrentTimeout = 5
        tunables.callbackDelay = 0.05
        tunables.dropRetry = Backoff(first: 0.2, most: 0.4)
        tunables.diskRetry.first = 0.2
        tunables.sending.cdnRetry = Backoff(first: 0.05, most: 0.1)
        tunables.sending.uploadRetry = Backoff(first: 0.05, most: 0.5)
        tunables.delivery.peerGrace = 1
        tunables.delivery.probing = Backoff(first: 0.2, most: 1)
        return tunables
    }
}

/// Waits until something holds, at most so many seconds.
func until(_ what: String, seconds: Double = 30, _ condition: () async throws -> Bool) async throws {
    try await wait(seconds, for: what, until: condition)
}
