// Swarm: the transfer engine. Carries out over sockets and disks what SwarmCore decides.
//
// What it is for: fetching and serving torrents: connections, the worker threads that hash and write, trackers and web
// seeds of a process. What it must never do: decide about pieces or peers itself, let an unverified byte reach the disk
// or another machine, or block its loop.

import Address
import Admission
import Files
import Glibc
import HTTPOrigin
import Hashing
import Logging
import Metainfo
import PeerWire
import Reactor
import Storage
import SwarmCore
import Synchronization
import Text
import Threads
import TrackerClient
import Tracking

/// The engine of one process: any number of torrents, each on one event loop.
package final class SwarmNode: Sendable {
    package struct Configuration: Sendable {
        /// Limits of the whole process, bytes per second; nil for none.
        package var downloadLimit: Int?
        package var uploadLimit: Int?
        /// Threads that hash and write; nil for one per processor.
        package var workers: Int?
        /// Event loops, over which the torrents are shared out; nil for one. See ``SwarmNode/loopsForMany``.
        package var loops: Int?
        /// What strangers may take of this process, shared with its other doors; nil for a budget of this node's own, from
        /// the limit on open files after it was raised.
        package var admission: Admission?
        /// Told to peers.
        package var client = Product.client
        /// Times and sizes of connections, and of decisions; for tests.
        var connection = PeerConnection.Tunables()
        var swarm = SwarmConfiguration()
        var lines = LineLimits()
        var incoming = IncomingLimits()
        var shelf = ShelfLimits()
        /// The file system, for downloads.
        var layer: any FileLayer = SystemFileLayer()
        /// When what was written is made durable and recorded.
        var syncPolicy = SyncPolicy()
        /// When range sources that fail are asked again: the first wait in seconds and the longest.
        package var sourceRetry = 2.0
        package var longestSourceRetry = 300.0

        package init() {}
    }

    let configuration: Configuration
    let logger: Logger
    let loops: NodeLoops
    let pool: WorkerPool
    let peerID: PeerID
    /// The budget that connections of peers draw from; other doors of the process should draw from it too.
    package let admission: Admission
    private let state: NodeState

    /// Event loops of a process with many torrents. More would wait for disks and hashing, not for each other.
    package static var loopsForMany: Int { min(Threads.processors, 4) }

    /// The one that listens.
    var loop: EventLoop { loops.first.loop }

    package init(configuration: Configuration = Configuration(), logger: Logger) throws {
        signal(SIGPIPE, SIG_IGN)
        DescriptorLimit.raise()
        self.configuration = configuration
        admission = configuration.admission ?? Admission()
        self.logger = logger
        loops = try NodeLoops(
            count: configuration.loops ?? 1, down: configuration.downloadLimit, up: configuration.uploadLimit)
        let processors = Threads.processors
        pool = WorkerPool(name: "swoop-work", threads: configuration.workers ?? max(2, processors))
        var generator = SystemRandomNumberGenerator()
        peerID = PeerID(
            major: Product.peerIDVersion.major, minor: Product.peerIDVersion.minor, using: &generator)
        state = NodeState(loops: loops)
    }

    /// Serves content that is here. Returns at once; its check shows in the transfer's status and events.
    package func seed(torrent: Torrent, path: String, options: TransferOptions = TransferOptions()) async throws
        -> Transfer
    {
        let starter = try await begin(torrent.info.hashes, options)
        starter.seed(torrent, path: path)
        return starter.transfer
    }

    /// Fetches content into `directory` (or to the place that `options.staging` says), then serves it. Returns at once.
    package func get(torrent: Torrent, into directory: String, options: TransferOptions = TransferOptions())
        async throws
        -> Transfer
    {
        let starter = try await begin(torrent.info.hashes, options)
        starter.get(torrent, into: directory)
        return starter.transfer
    }

    /// The same from a magnet link: peers tell what it is about first.
    package func get(magnet: Magnet, into directory: String, options: TransferOptions = TransferOptions()) async throws
        -> Transfer
    {
        let starter = try await begin(magnet.hashes, options)
        starter.get(magnet, into: directory)
        return starter.transfer
    }

    private func begin(_ hashes: InfoHashes, _ options: TransferOptions) async throws -> Starter {
        let (pin, context) = try await state.place(hashes.wire, of: self, options: options)
        let transfer = Transfer(loop: pin.loop, pin: pin)
        loops.places.add(transfer, pin, hashes: hashes.wire)
        return Starter(node: self, context: context, options: options, transfer: transfer)
    }

    /// Serves whatever is on a shelf to whoever asks for it, in place of an earlier shelf. A torrent is opened by its first peer
    /// and rests again when the last has been gone for a while. Trackers are told nothing.
    /// - Parameter options: `listen`, `uploadLimit` (of each torrent), `site` and `superSeed` count.
    package func serve(_ shelf: any Shelf, options: TransferOptions = TransferOptions()) async throws {
        try await state.serve(shelf, for: self, options: options)
    }

    /// Tells the trackers of a torrent once that its content is here: what the owner of a shelf does for each torrent on it,
    /// again and again. Needs a node that listens.
    /// - Returns: seconds until it should be told again, of the tracker that answered; nil when none did.
    package func announce(_ torrent: Torrent, options: TransferOptions = TransferOptions()) async -> Double? {
        await state.announce(torrent, peerID: peerID, options: options)
    }

    /// Torrents of the shelf that have peers, or had some a moment ago.
    package var awakeTorrents: Int { get async { loops.awake.value } }

    /// Changes the limits of the whole process, bytes per second; nil for none.
    package func setLimits(up: Int?, down: Int?) async { await state.setLimits(up: up, down: down) }

    /// Where the engine listens; nil before the first transfer.
    package var listenAddress: PeerAddress? {
        get async { await state.listenAddress }
    }

    /// Stops all transfers and ends the engine's threads. To be called once, last.
    package func shutdown() async {
        await state.shutdown()
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            let (loops, pool) = (loops, pool)
            // Neither a loop nor a worker can wait for its own end.
            Threads.runDetached(name: "swoop-end") {
                for share in loops.shares { share.loop.shutdown() }
                pool.shutdown()
                done.resume()
            }
        }
    }
}
