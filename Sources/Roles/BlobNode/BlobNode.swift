// BlobNode: the blobs of a host and their swarms.
//
// Purpose: serves every blob in a directory to peers who ask for it, at no cost before they do; fetches blobs from swarms, each
// once however many ask. Origins, agents and pulls without an agent share it. Must never: know of names or tags; show a blob
// before all of it was verified.

import Address
import Blobs
import Files
import Hashing
import Logging
import Metainfo
import Swarm
import Synchronization
import Threads

/// The blobs of one host.
package final class BlobNode: Sendable {
    package let directory: BlobDirectory
    package let catalogue = BlobCatalogue()
    package let swarm: SwarmNode
    package let options: TransferOptions
    let logger: Logger
    private let file: CatalogueFile
    /// Is told of a blob that seems wrong on the disk, and of the piece if that is known.
    private let doubts = Mutex<(@Sendable (SHA256Digest, Int?) -> Void)?>(nil)
    /// Is told of a piece that a peer of a fetch sent wrong. True if the peer may be asked again later.
    private let falsePieces = Mutex<(@Sendable (SHA256Digest, PeerAddress, Int) -> Bool)?>(nil)
    /// Those who go on giving blobs from where they came to.
    let givers = Mutex<[@Sendable (SHA256Digest) async -> Void]>([])
    /// Makes room for so many bytes, where somebody can.
    private let room = Mutex<(@Sendable (Int64) async -> Void)?>(nil)
    /// By whom swarms are found.
    let swarmDoors = Mutex(SwarmDoors.open)
    /// Whether the catalogue has what is in the directory.
    let isLoaded = Atomic(false)
    private let keeping = Mutex<Task<Void, Never>?>(nil)

    /// Between two writings of the catalogue.
    private static let pause = Duration.seconds(60)

    /// - Parameter options: where to listen, the site, limits.
    package init(directory: BlobDirectory, swarm: SwarmNode, options: TransferOptions, logger: Logger) {
        self.directory = directory
        file = CatalogueFile(directory: directory.path, layer: directory.layer)
        self.swarm = swarm
        self.options = options
        self.logger = logger
    }

    /// Reads what is in the directory and begins to serve it.
    package func start() async throws {
        let incomplete = try await Threads.offload { [self] in
            Result {
                try CatalogueLoad(catalogue: catalogue, directory: directory).run(file, threads: Threads.processors)
            }
        }.get()
        // At once for all, which costs a hash each.
        let secret = swarmDoors.withLock { doors in
            isLoaded.store(true, ordering: .releasing)
            return doors.secret
        }
        await Threads.offload { [catalogue] in catalogue.setSecret(secret) }
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

    /// Keeps what is known of the blobs for the next start. What is not kept is read again then.
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

    /// Makes the torrent of a blob whose torrent is missing. A blob that is not what its name says is removed.
    private func complete(_ digest: SHA256Digest) async {
        let problem = await Threads.offload { [self] () -> String? in
            do {
                guard let info = try BlobReader.info(of: digest, in: directory) else {
                    try directory.remove(digest)
                    return "its bytes are not what its name says: it was removed"
                }
                try directory.store(info: info.info.bytes, of: digest)
                catalogue.add(digest, info, usedAt: Clocks.wallSeconds)
                return nil
            } catch {
                return "\(error)"
            }
        }
        guard let problem else { return }
        logger.warning("a blob is not served", metadata: ["blob": "\(digest)", "reason": "\(problem)"])
    }

    /// The torrent of a blob that is here; nil for one that is not, or has no bytes. Blocks.
    package func info(of digest: SHA256Digest) throws -> BlobInfo? {
        guard let bytes = try directory.info(of: digest) else { return nil }
        return try BlobInfo.parse(bytes, expecting: InfoExpectation(blob: digest))
    }

    /// Somebody found a blob of this host to be wrong: it is looked at soon, where somebody looks.
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

    /// Asks for room on the disk. Returns when it was made, or could not be.
    package func makeRoom(for bytes: Int64) async {
        guard let body = room.withLock({ $0 }) else { return }
        await body(bytes)
    }

    package func onNeedOfRoom(_ body: @escaping @Sendable (Int64) async -> Void) { room.withLock { $0 = body } }

    /// Where peers reach this host; nil before ``start()``.
    package var peerAddress: PeerAddress? { get async { await swarm.listenAddress } }
}
