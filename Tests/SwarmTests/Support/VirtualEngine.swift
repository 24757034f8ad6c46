import Address
import Admission
import HTTPOrigin
import Logging
import Metainfo
import PeerWire
import Reactor
import Storage
import SwarmCore
import Text
import TrackerClient
import VirtualNetwork

@testable import Swarm

/// One host of a ``VirtualNetwork`` that runs one torrent, with its content in a directory. Nothing of it takes virtual time
/// but the network; its disk works at once.
final class VirtualEngine {
    let address: PeerAddress
    let engine: TorrentEngine
    private(set) var failure: TransferError?
    private let listener: Listener?

    /// - Parameters:
    ///   - number: of the host.
    ///   - path: of the whole content, for a seed; otherwise where it is to go.
    ///   - id: its peer id; nil for one of its own.
    ///   - listens: whether others may dial it.
    ///   - seed: of its random choices, with its number. Two runs with the same seeds are the same but for the order of
    ///     dictionaries.
    init(
        _ number: UInt8, on network: VirtualNetwork, _ sample: Sample, at path: String, isSeed: Bool,
        id: PeerID? = nil, peers: [PeerAddress] = [], listens: Bool = true,
        seed: UInt64 = 1, _ change: (inout TransferOptions) -> Void = { _ in }
    ) throws {
        address = VirtualNetwork.address(number)
        var generator = SeededGenerator(seed: seed &* 256 &+ UInt64(number))
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let context = EngineContext(
            loop: network.loop, network: network, pool: WorkerPool(on: network.loop),
            staging: ReceiveStaging(length: 2 << 20),
            limits: TransferLimits(down: nil, up: nil, parent: nil, now: network.now),
            admission: Admission(limits: AdmissionLimits(descriptors: 1_024)), incoming: IncomingLimits(),
            peerID: id ?? PeerID(major: 1, minor: 0, using: &generator), listenAddress: address,
            trackers: Shared.trackers,
            webSeeds: Shared.webSeeds, logger: logger, client: "test", tunables: PeerConnection.Tunables(),
            swarm: SwarmConfiguration(), connectionLimits: ConnectionLimits(), syncPolicy: SyncPolicy(),
            sourceHealth: WebSeedHealth.Settings(), seed: generator.next())
        var options = TransferOptions()
        options.usesWebSeeds = false
        options.extraPeers = peers
        change(&options)

        let layout = sample.layout
        let everything = PieceSet(full: layout.pieceCount)
        let home: ContentHome
        var have = everything
        if isSeed {
            let files = ContentFiles(
                layout: layout, root: try ContentRoot.at(path: path), access: .reading,
                selection: FileSelection(all: layout), preallocation: .none)
            home = .served(files, path: path)
        } else {
            let staged = try StagedContent.open(
                contentPath: path, recordPath: path + ".record", info: sample.info)
            let (files, found) = try staged.prepare(
                hashes: sample.torrent.pieceHashes, selection: FileSelection(all: layout))
            (home, have) = (.staged(staged, files), found)
        }
        let holder = Holder()
        let entrance = LoopBound(holder, on: network.loop)
        let loop = network.loop
        engine = TorrentEngine(
            context: context, info: sample.info, hashes: sample.torrent.pieceHashes, home: home, have: have,
            wanted: everything, isComplete: isSeed, options: options, startedAt: network.now,
            enter: { body in loop.post { if let engine = entrance.value.engine { body(engine) } } },
            report: { if case .failed(let error) = $0 { holder.failed?(error) } })
        holder.engine = engine
        listener =
            !listens
            ? nil
            : try Listener(
                socket: network.listen(on: address), loop: loop, staging: context.staging, tunables: context.tunables,
                admission: context.admission, logger: logger,
                resolve: { [weak engine] connection, hash in
                    guard let engine, engine.wireHashes.all.contains(hash), engine.adopt(connection) else { return }
                    connection.join(engine)
                })
        holder.failed = { [weak self] in self?.failure = $0 }
        engine.start(trackers: [], webSeeds: [])
    }

    var isComplete: Bool { engine.isPublished && failure == nil }

    func stop() {
        engine.stop()
        listener?.close()
        engine.home.close()
    }

    private final class Holder {
        weak var engine: TorrentEngine?
        var failed: ((TransferError) -> Void)?
    }

    /// Clients that nobody asks anything; they live as long as the process.
    private enum Shared {
        static let trackers = TrackerClient()
        static let webSeeds = WebSeedClient()
    }
}
