// Swarm: the transfer engine. Carries out over sockets and disks what SwarmCore decides.
//
// What it is for: fetching and serving torrents: connections, the worker threads that hash and write, trackers and web
// seeds of a process. What it must never do: decide about pieces or peers itself, let an unverified byte reach the disk
// or another machine, or block its loop.

import Address
import Admission
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
import Threads
import TrackerClient
import Tracking

/// The engine of one process: any number of torrents on one event loop.
package final class SwarmNode: Sendable {
    package struct Configuration: Sendable {
        /// Limits of the whole process, bytes per second; nil for none.
        package var downloadLimit: Int?
        package var uploadLimit: Int?
        /// Threads that hash and write; nil for one per processor.
        package var workers: Int?
        /// What strangers may take of this process, shared with its other doors; nil for a budget of this node's own, from
        /// the limit on open files after it was raised.
        package var admission: Admission?
        /// Told to peers.
        package var client = "Swoop"
        /// Times and sizes of connections, and of decisions; for tests.
        var connection = PeerConnection.Tunables()
        var swarm = SwarmConfiguration()
        var connectionLimits = ConnectionLimits()
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
    let loop: EventLoop
    let pool: WorkerPool
    let peerID: PeerID
    /// The budget that connections of peers draw from; other doors of the process should draw from it too.
    package let admission: Admission
    private let state: NodeState

    package init(configuration: Configuration = Configuration(), logger: Logger) throws {
        signal(SIGPIPE, SIG_IGN)
        DescriptorLimit.raise()
        self.configuration = configuration
        admission = configuration.admission ?? Admission()
        self.logger = logger
        loop = try EventLoop(name: "swoop-loop")
        let processors = Threads.processors
        pool = WorkerPool(name: "swoop-work", threads: configuration.workers ?? max(2, processors))
        var generator = SystemRandomNumberGenerator()
        peerID = PeerID(major: 1, minor: 0, using: &generator)
        state = NodeState(loop: loop)
    }

    /// Serves content that is here. Returns at once; its check shows in the transfer's status and events.
    package func seed(torrent: Torrent, path: String, options: TransferOptions = TransferOptions()) async throws
        -> Transfer
    {
        let context = try await state.context(of: self, options: options)
        let transfer = Transfer(loop: loop)
        await state.add(transfer, hashes: torrent.info.hashes, mayHaveMore: false)
        Starter(node: self, context: context, options: options, transfer: transfer).seed(torrent, path: path)
        return transfer
    }

    /// Fetches content into `directory` (or to the place that `options.staging` says), then serves it. Returns at once.
    package func get(torrent: Torrent, into directory: String, options: TransferOptions = TransferOptions())
        async throws
        -> Transfer
    {
        let context = try await state.context(of: self, options: options)
        let transfer = Transfer(loop: loop)
        await state.add(transfer, hashes: torrent.info.hashes, mayHaveMore: false)
        Starter(node: self, context: context, options: options, transfer: transfer).get(torrent, into: directory)
        return transfer
    }

    /// The same from a magnet link: peers tell what it is about first.
    package func get(magnet: Magnet, into directory: String, options: TransferOptions = TransferOptions()) async throws
        -> Transfer
    {
        let context = try await state.context(of: self, options: options)
        let transfer = Transfer(loop: loop)
        await state.add(transfer, hashes: magnet.hashes, mayHaveMore: true)
        Starter(node: self, context: context, options: options, transfer: transfer).get(magnet, into: directory)
        return transfer
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
    package var awakeTorrents: Int { get async { await state.awakeTorrents } }

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
            let (loop, pool) = (loop, pool)
            // Neither the loop nor a worker can wait for its own end.
            runDetached(name: "swoop-end") {
                loop.shutdown()
                pool.shutdown()
                done.resume()
            }
        }
    }
}
