import Address
import Foundation
import Logging
import Metainfo
@testable import Swarm
import Synchronization
import TestSupport
import Tracking

/// An engine on loopback, with its transfers watched. Ended by ``TestNode/run(_:)``.
final class TestNode: Sendable {
    let node: SwarmNode
    let host: String

    init(host: String = "127.0.0.1", _ change: (inout SwarmNode.Configuration) -> Void = { _ in }) throws {
        _ = Self.stateHome
        var configuration = SwarmNode.Configuration()
        configuration.workers = 2
        change(&configuration)
        self.host = host
        node = try SwarmNode(
            configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// What is vouched for is kept out of the home of whoever runs the tests, and goes away with the process.
    private static let stateHome: String = {
        let path = NSTemporaryDirectory() + "swarm-test-state-\(getpid())"
        setenv("XDG_STATE_HOME", path, 1)
        atexit { try? FileManager.default.removeItem(atPath: TestNode.stateHome) }
        return path
    }()

    func options(_ change: (inout TransferOptions) -> Void = { _ in }) throws -> TransferOptions {
        var options = TransferOptions()
        options.listen = PeerAddress(host: host, port: 0)
        change(&options)
        return options
    }

    func seed(
        _ sample: Sample, from path: String, _ change: (inout TransferOptions) -> Void = { _ in }
    ) async throws -> WatchedTransfer {
        WatchedTransfer(try await node.seed(torrent: sample.torrent, path: path, options: options(change)))
    }

    func get(
        _ torrent: Torrent, into directory: String, from peers: [PeerAddress] = [],
        _ change: (inout TransferOptions) -> Void = { _ in }
    ) async throws -> WatchedTransfer {
        let options = try options {
            $0.extraPeers = peers
            change(&$0)
        }
        return WatchedTransfer(try await node.get(torrent: torrent, into: directory, options: options))
    }

    func get(
        _ magnet: Magnet, into directory: String, from peers: [PeerAddress] = [],
        _ change: (inout TransferOptions) -> Void = { _ in }
    ) async throws -> WatchedTransfer {
        let options = try options {
            $0.extraPeers = peers
            change(&$0)
        }
        return WatchedTransfer(try await node.get(magnet: magnet, into: directory, options: options))
    }

    /// Seconds of a processor that the loop's thread has used.
    var loopSeconds: Double {
        get async {
            await withCheckedContinuation { continuation in
                node.loop.post {
                    var time = timespec()
                    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
                    continuation.resume(returning: Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)
                }
            }
        }
    }

    /// Where it listens; only after the first transfer.
    var address: PeerAddress {
        get async throws {
            guard let address = await node.listenAddress else {
                throw TimedOut(description: "the node does not listen")
            }
            return address
        }
    }

    /// Nodes for the time of `body`, ended afterwards whatever happens.
    static func with<Result>(
        _ count: Int, host: String = "127.0.0.1", _ change: (inout SwarmNode.Configuration) -> Void = { _ in },
        _ body: ([TestNode]) async throws -> Result
    ) async throws -> Result {
        let nodes = try (0..<count).map { _ in try TestNode(host: host, change) }
        do {
            let result = try await body(nodes)
            for node in nodes { await node.node.shutdown() }
            return result
        } catch {
            for node in nodes { await node.node.shutdown() }
            throw error
        }
    }
}

/// A transfer whose events are kept.
final class WatchedTransfer: Sendable {
    let transfer: Transfer
    private let seen = Mutex<[TransferEvent]>([])

    init(_ transfer: Transfer) {
        self.transfer = transfer
        Task { [weak self] in
            for await event in transfer.events { self?.seen.withLock { $0.append(event) } }
        }
    }

    var events: [TransferEvent] { seen.withLock { $0 } }

    var isComplete: Bool { events.contains { if case .complete = $0 { true } else { false } } }

    var failure: TransferError? {
        for case .failed(let error) in events { return error }
        return nil
    }

    var warnings: [String] { events.compactMap { if case .warning(let text) = $0 { text } else { nil } } }

    var peers: Int { get async { await transfer.status().peers } }

    /// How often the engine has looked at its peers and sources.
    private var looks: Int { get async { await transfer.ticks } }

    /// Lets the engine look so many times more, which it does a few times a second: what it has not begun by then it does
    /// not begin.
    func look(times count: Int = 6) async throws {
        let before = await looks
        try await wait(for: "more looks") { await looks >= before + count }
    }

    /// Throws what failed, or when the time is over.
    func complete(within seconds: Double = 30) async throws {
        do {
            try await wait(seconds, for: "completion") {
                if let failure { throw failure }
                return isComplete
            }
        } catch let error as TimedOut {
            throw TimedOut(description: "\(error); \(await transfer.status()), \(events)")
        }
    }

    func failed(within seconds: Double = 30) async throws -> TransferError {
        try await wait(seconds, for: "failure") { failure != nil }
        return failure ?? TransferError(.other, "", advice: "")
    }
}

extension Transfer {
    fileprivate var ticks: Int { engine?.ticks ?? 0 }
}
