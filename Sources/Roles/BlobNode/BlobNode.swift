// BlobNode: the blobs of a host and their swarms.
//
// Purpose: serves every blob in a directory to peers, at no cost for blobs that no peer asks for; fetches blobs from swarms,
// each only once for any number of requests. Origins, agents and pulls without an agent share it. Must never: know of names
// or tags; show a blob before all of it was verified.

import Address
import Blobs
import Files
import Hashing
import Logging
import Metainfo
import Swarm
import Synchronization
import Threads

/// The blobs of one host: their directory, the catalogue of them in memory, and the BitTorrent node that serves them.
package final class BlobNode: Sendable {
    package let directory: BlobDirectory
    package let catalogue = BlobCatalogue()
    package let swarm: SwarmNode
    package let options: TransferOptions
    let logger: Logger
    private let file: CatalogueFile
    /// Called with a blob whose bytes on the disk seem wrong, and with the piece if it is known.
    private let doubts = Mutex<(@Sendable (SHA256Digest, Int?) -> Void)?>(nil)
    /// Called when a peer sent a wrong piece of a blob. True if the peer may be asked again later.
    private let falsePieces = Mutex<(@Sendable (SHA256Digest, PeerAddress, Int) -> Bool)?>(nil)
    /// Those who go on giving blobs from where they came to.
    let givers = Mutex<[@Sendable (SHA256Digest) async -> Void]>([])
    let downloadsInUse = Mutex(DownloadsInUse())
    /// Makes room for so many bytes, where somebody can.
    private let room = Mutex<(@Sendable (Int64) async -> Void)?>(nil)
    /// Which clients can find this host's swarms.
    let swarmDoors = Mutex(SwarmDoors.open)
    /// Whether the catalogue has been loaded from the directory. Held while the secret of rules and catalogue is replaced, so
    /// that both have the same one afterwards.
    let isLoaded = Mutex(false)
    private let keeping = Mutex<Task<Void, Never>?>(nil)

    /// The time between two writes of the catalogue.
    private static let pause = Duration.seconds(60)

    /// - Parameter options: the listen address, the site, limits.
    package init(directory: BlobDirectory, swarm: SwarmNode, options: TransferOptions, logger: Logger) {
        self.directory = directory
        file = CatalogueFile(directory: directory.path, layer: directory.layer)
        self.swarm = swarm
        self.options = options
        self.logger = logger
    }

    /// Loads the catalogue from the directory and starts to serve its blobs.
    package func start() async throws {
        let incomplete = try await Threads.offload { [self] in
            Result {
                try CatalogueLoad(catalogue: catalogue, directory: directory).run(file, threads: Threads.processors)
            }
        }.get()
        await Threads.offload { [self] in setLoaded() }
        for digest in incomplete { await complete(digest) }
        try await swarm.serve(ServedBlobs(node: self), options: options)
        let task = Task { [weak self] in
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.pause)
                guard let self else { return }
                await keepCatalogue()
            }
        }
        keeping.withLock { $0 = task }
    }

    deinit { keeping.withLock { $0 }?.cancel() }

    /// Writes the catalogue to the disk for the next start. Where that fails, the next start reads the blobs' files instead.
    package func stop() async {
        keeping.withLock { $0.take() }?.cancel()
        await keepCatalogue()
    }

    private func keepCatalogue() async {
        let problem = await Threads.offload { [self] () -> SystemError? in
            do throws(SystemError) { try file.write(catalogue) } catch { return error }
            return nil
        }
        guard let problem else { return }
        logger.debug("the catalogue is not kept", metadata: ["reason": "\(problem)"])
    }

    /// Makes the missing torrent of a blob, and adds the blob to the catalogue. A blob whose bytes do not have the digest that
    /// is its name is removed.
    /// - Returns: why the blob is not in the catalogue; nil if it is.
    @discardableResult
    package func complete(_ digest: SHA256Digest) async -> String? {
        let problem = await Threads.offload { [self] () -> String? in
            do {
                if try directory.size(of: digest) == 0, digest == SHA256.digest([]) {
                    catalogue.add(digest, nil, usedAt: Clocks.wallSeconds)
                    return nil
                }
                guard let info = try BlobReader.info(of: digest, in: directory) else {
                    try directory.remove(digest) { catalogue.entryOfAny(digest) == nil }
                    return "its bytes are not what its name says: it was removed"
                }
                try directory.store(info: info.info.bytes, of: digest)
                catalogue.add(digest, info, usedAt: Clocks.wallSeconds)
                return nil
            } catch {
                return "\(error)"
            }
        }
        if let problem {
            logger.warning("a blob is not served", metadata: ["blob": "\(digest)", "reason": "\(problem)"])
        }
        return problem
    }

    /// The torrent of a blob; nil for a blob that this host does not have, or that has no bytes. Blocks.
    package func info(of digest: SHA256Digest) throws -> BlobInfo? {
        guard let bytes = try directory.info(of: digest) else { return nil }
        return try BlobInfo.parse(bytes, expecting: InfoExpectation(blob: digest))
    }

    /// Reports that a blob of this host may be damaged. It is checked soon, on hosts that scrub their blobs.
    /// - Parameter piece: the index of the damaged piece; nil if it is not known.
    package func doubt(_ digest: SHA256Digest, piece: Int? = nil) { doubts.withLock { $0 }?(digest, piece) }

    /// The file of a blob was changed or replaced while peers took it from here: it is opened anew, and looked at.
    func hasChanged(_ digest: SHA256Digest) {
        doubt(digest)
        Task { await endGiving(digest) }
    }

    package func onDoubt(_ body: @escaping @Sendable (SHA256Digest, Int?) -> Void) { doubts.withLock { $0 = body } }

    package func onFalsePiece(_ body: @escaping @Sendable (SHA256Digest, PeerAddress, Int) -> Bool) {
        falsePieces.withLock { $0 = body }
    }

    func isForgiven(_ peer: PeerAddress, piece: Int, of digest: SHA256Digest) -> Bool {
        falsePieces.withLock { $0 }?(digest, peer, piece) ?? false
    }

    /// Asks for room on the disk. Returns when it was made, or could not be made.
    /// - Parameter bytes: the room that is needed.
    package func makeRoom(for bytes: Int64) async {
        guard let body = room.withLock({ $0 }) else { return }
        await body(bytes)
    }

    package func onNeedOfRoom(_ body: @escaping @Sendable (Int64) async -> Void) { room.withLock { $0 = body } }

    /// The address at which this host listens for peers; nil before ``start()``.
    package var peerAddress: PeerAddress? { get async { await swarm.listenAddress } }
}
