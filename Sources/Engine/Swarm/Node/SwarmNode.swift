// Swarm: the transfer engine. Carries out SwarmCore's decisions with sockets and disks.
//
// Purpose: download and serve torrents: connections, worker threads that hash and write, trackers and web seeds of a
// process. Must never: make decisions about pieces or peers, let an unverified byte reach the disk or another host, or
// block its loop.

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
        /// Limits of the whole process, in bytes per second; nil for no limit.
        package var downloadLimit: Int?
        package var uploadLimit: Int?
        /// Number of threads that hash and write; nil for one per processor.
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
    let loops: NodeLoops
    let pool: WorkerPool
    let peerID: PeerID
    /// The budget for connections of peers. Other doors of the process should use it too.
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

    /// Serves content that is stored here. Returns at once; progress of its check appears in the transfer's status and
    /// events.
    package func seed(torrent: Torrent, path: String, options: TransferOptions = TransferOptions()) async throws
        -> Transfer
    {
        let starter = try await begin(torrent.info.hashes, options)
        starter.seed(torrent, path: path)
        return starter.transfer
    }

    /// Downloads content into `directory` (or to the place in `options.staging`), then serves it. Returns at once.
    package func get(torrent: Torrent, into directory: String, options: TransferOptions = TransferOptions())
        async throws
        -> Transfer
    {
        let starter = try await begin(torrent.info.hashes, options)
        starter.get(torrent, into: directory)
        return starter.transfer
    }

    /// The same for a magnet link: the metadata is downloaded from peers first.
    package func get(magnet: Magnet, into directory: String, options: TransferOptions = TransferOptions()) async throws
        -> Transfer
    {
        let starter = try await begin(magnet.hashes, options)
        starter.get(magnet, into: directory)
        return starter.transfer
    }

    private func begin(_ hashes: InfoHashes, _ options: TransferOptions) async throws -> Starter {
        let hashes = WireHashes(hashes, secret: options.swarmSecret).all
        let (pin, context) = try await state.place(hashes, of: self, options: options)
        let transfer = Transfer(loop: pin.loop, pin: pin)
        loops.places.add(transfer, pin, hashes: hashes)
        return Starter(node: self, context: context, options: options, transfer: transfer)
    }

    /// Serves the content of a shelf on demand, instead of an earlier shelf. A torrent is opened by its first peer and
    /// closed some time after its last. Trackers are not told.
    /// - Parameter options: only `listen`, `uploadLimit` (of each torrent), `site`, `superSeed` and what concerns an origin are
    ///   used. A torrent's secret is told by the shelf.
    package func serve(_ shelf: any Shelf, options: TransferOptions = TransferOptions()) async throws {
        try await state.serve(shelf, for: self, options: options)
    }

    /// Ends a torrent of the shelf whose right pieces are others now: peers that come back find it as it is.
    package func closeShelved(_ hash: SHA1Digest) async {
        for share in loops.shares { await share.closeShelved(hash) }
    }

    /// Announces a torrent to its trackers once. The owner of a shelf calls this repeatedly for each torrent on it.
    /// Needs a node that listens.
    /// - Returns: seconds until the next announce, from the tracker's response; nil if no tracker responded.
    package func announce(_ torrent: Torrent, options: TransferOptions = TransferOptions()) async -> Double? {
        await state.announce(torrent, peerID: peerID, options: options)
    }

    /// Bytes of content that peers were sent since the start.
    package var sentBytes: Int64 { loops.sent.value }

    /// Torrents of the shelf that have peers, or had some a moment ago.
    package var awakeTorrents: Int { get async { loops.awake.value } }

    /// Bytes that peers took from the shelf, of torrents that they no longer take.
    package var givenFromShelf: Int64 { loops.awake.givenBytes }

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
