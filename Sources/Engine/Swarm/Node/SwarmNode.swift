// Swarm: the transfer engine. Carries out SwarmCore's decisions with sockets and disks.
//
// Purpose: download and serve torrents: connections, worker threads that hash and write, trackers and web seeds of a
// process. Must never: make decisions about pieces or peers, let an unverified byte reach the disk or another host, or
// block its loop.

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
        /// Limits of the whole process, in bytes per second; nil for no limit.
        package var downloadLimit: Int?
        package var uploadLimit: Int?
        /// Number of threads that hash and write; nil for one per processor.
        package var workers: Int?
        /// The process's budget for remote clients, shared with its other doors. Nil for a budget of this node's own,
        /// from the raised limit on open files.
        package var admission: Admission?
        /// Client name sent to peers.
        package var client = "Swoop"
        /// Parameters of connections and decisions; for tests.
        var connection = PeerConnection.Tunables()
        var swarm = SwarmConfiguration()
        var connectionLimits = ConnectionLimits()
        var incoming = IncomingLimits()
        var shelf = ShelfLimits()
        /// The file system for downloads.
        var layer: any FileLayer = SystemFileLayer()
        /// When written data is made durable and recorded.
        var syncPolicy = SyncPolicy()
        /// Backoff of failed range sources: the first and the longest, in seconds.
        package var sourceRetry = 2.0
        package var longestSourceRetry = 300.0

        package init() {}
    }

    let configuration: Configuration
    let logger: Logger
    let loop: EventLoop
    let pool: WorkerPool
    let peerID: PeerID
    /// The budget for connections of peers. Other doors of the process should use it too.
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

    /// Serves content that is stored here. Returns at once; progress of its check appears in the transfer's status and
    /// events.
    package func seed(torrent: Torrent, path: String, options: TransferOptions = TransferOptions()) async throws
        -> Transfer
    {
        let context = try await state.context(of: self, options: options)
        let transfer = Transfer(loop: loop)
        await state.add(transfer, hashes: torrent.info.hashes, mayHaveMore: false)
        Starter(node: self, context: context, options: options, transfer: transfer).seed(torrent, path: path)
        return transfer
    }

    /// Downloads content into `directory` (or to the place in `options.staging`), then serves it. Returns at once.
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

    /// The same for a magnet link: the metadata is downloaded from peers first.
    package func get(magnet: Magnet, into directory: String, options: TransferOptions = TransferOptions()) async throws
        -> Transfer
    {
        let context = try await state.context(of: self, options: options)
        let transfer = Transfer(loop: loop)
        await state.add(transfer, hashes: magnet.hashes, mayHaveMore: true)
        Starter(node: self, context: context, options: options, transfer: transfer).get(magnet, into: directory)
        return transfer
    }

    /// Serves the content of a shelf on demand, instead of an earlier shelf. A torrent is opened by its first peer and
    /// closed some time after its last. Trackers are not told.
    /// - Parameter options: only `listen`, `uploadLimit` (of each torrent), `site` and `superSeed` are used.
    package func serve(_ shelf: any Shelf, options: TransferOptions = TransferOptions()) async throws {
        try await state.serve(shelf, for: self, options: options)
    }

    /// Announces a torrent to its trackers once. The owner of a shelf calls this repeatedly for each torrent on it.
    /// Needs a node that listens.
    /// - Returns: seconds until the next announce, from the tracker's response; nil if no tracker responded.
    package func announce(_ torrent: Torrent, options: TransferOptions = TransferOptions()) async -> Double? {
        await state.announce(torrent, peerID: peerID, options: options)
    }

    /// Number of shelf torrents that have peers, or had some recently.
    package var awakeTorrents: Int { get async { await state.awakeTorrents } }

    /// Changes the limits of the whole process, in bytes per second; nil for no limit.
    package func setLimits(up: Int?, down: Int?) async { await state.setLimits(up: up, down: down) }

    /// The listening address; nil before the first transfer.
    package var listenAddress: PeerAddress? {
        get async { await state.listenAddress }
    }

    /// Stops all transfers and ends the engine's threads. Call once, last.
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
