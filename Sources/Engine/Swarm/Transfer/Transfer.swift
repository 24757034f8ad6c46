import Address
import Hashing
import Logging
import Metainfo
import Reactor
import Storage
import SwarmCore
import Synchronization

/// One torrent being fetched or served. Its state lives on the loop to which it is pinned, which is this actor's executor.
package actor Transfer {
    /// Events from the beginning on; ends when the transfer stops. For one reader.
    package nonisolated let events: AsyncStream<TransferEvent>

    nonisolated let loop: EventLoop
    /// Keeps it on that loop; nil once it is stopped.
    private(set) var pin: TorrentPin?
    private nonisolated let hasStopped = Atomic(false)
    private nonisolated let feed: AsyncStream<TransferEvent>.Continuation
    private(set) var phase = Phase.waiting
    private var checking = CheckFraction()
    private var total: Int64 = 0
    /// Changes requested before there was an engine.
    private var waiting: [(TorrentEngine) -> Void] = []
    /// Peers that were added before there was anything to tell of them.
    var earlyPeers: [PeerAddress] = []
    let readers = ContentReaders()

    enum Phase {
        case waiting
        case checking
        case metadata(MetadataSession)
        case running(TorrentEngine)
        case stopped(TransferStatus)
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(loop: EventLoop, pin: TorrentPin? = nil) {
        self.loop = loop
        self.pin = pin
        (events, feed) = AsyncStream.makeStream(of: TransferEvent.self, bufferingPolicy: .bufferingNewest(1024))
    }

    /// The current status.
    package func status() -> TransferStatus {
        switch phase {
        case .waiting: return TransferStatus(state: .checking(fraction: 0), total: total)
        case .checking: return TransferStatus(state: .checking(fraction: checking.value), total: total)
        case .metadata(let session):
            var status = TransferStatus(state: .fetchingMetadata)
            status.peers = session.peerCount
            return status
        case .running(let engine): return engine.statusNow
        case .stopped(let last): return last
        }
    }

    /// Changes this torrent's limits, in bytes per second; nil for no limit.
    package func setLimits(up: Int?, down: Int?) {
        guard case .running(let engine) = phase else { return }
        engine.limits.set(down: down, up: up, now: loop.now)
        engine.limitsChanged()
    }

    /// Stops the transfer: trackers are told, written data is made durable and recorded. Returns when that is done,
    /// within seconds. A second call does nothing.
    package func stop() async {
        let last = phase
        if case .stopped = last { return }
        readers.end()
        hasStopped.store(true, ordering: .releasing)
        pin = nil
        switch last {
        case .stopped: return
        case .waiting, .checking:
            checking.cancel()
            phase = .stopped(TransferStatus(state: .stopped))
        case .metadata(let session):
            phase = .stopped(TransferStatus(state: .stopped))
            session.stop()
            for task in session.announcesUnderWay { await task.value }
        case .running(let engine):
            engine.stop()
            phase = .stopped(engine.statusNow)
            let (home, gate, pool, pieces) = (engine.home, engine.gate, engine.context.pool, engine.finalCheckpoint)
            let announces = engine.announces.underWay
            async let saved: Void? = try? pool.run {
                defer { home.close() }
                if let pieces { try gate.end { () throws(StorageError) in try home.checkpoint(pieces) } }
            }
            for announce in announces { await announce.value }
            _ = await saved
        }
        feed.finish()
    }

    // MARK: For the owning node

    nonisolated func report(_ event: TransferEvent) { feed.yield(event) }

    func limitsChanged() { engine?.limitsChanged() }

    nonisolated var isStopped: Bool { hasStopped.load(ordering: .acquiring) }

    /// Hashing has begun; its progress is shown.
    func beginChecking(total: Int64) -> CheckFraction? {
        if isStopped { return nil }
        phase = .checking
        self.total = total
        return checking
    }

    func run(_ make: (isolated Transfer) -> TorrentEngine) -> TorrentEngine? {
        if isStopped { return nil }
        let engine = make(self)
        engine.readers = readers
        phase = .running(engine)
        return engine
    }

    /// The engine has started: applies queued changes.
    func applyWaiting(to engine: TorrentEngine) {
        let changes = waiting
        waiting = []
        for change in changes { change(engine) }
        engine.carryOutActions()
    }

    /// Changes the engine, now or when there is one.
    func change(_ body: @escaping (TorrentEngine) -> Void) {
        switch phase {
        case .running(let engine):
            guard !engine.isStopped else { return }
            body(engine)
            engine.carryOutActions()
        case .waiting, .checking, .metadata: waiting.append(body)
        case .stopped: break
        }
    }

    func run(metadata session: MetadataSession) { if !isStopped { phase = .metadata(session) } }

    /// Accepts a connection that asked for `hash`, if it is one of this torrent's hashes.
    func attach(_ wrapped: LoopBound<PeerConnection>, to hash: SHA1Digest) {
        let connection = wrapped.value
        switch phase {
        case .running(let engine):
            if engine.wireHashes.all.contains(hash), engine.adopt(connection) { connection.join(engine) }
        case .metadata(let session):
            if session.adopt(connection, hash) { connection.join(session) }
        case .waiting, .checking, .stopped: break
        }
    }

    var engine: TorrentEngine? {
        if case .running(let engine) = phase { engine } else { nil }
    }

    var metadataSession: MetadataSession? {
        if case .metadata(let session) = phase { session } else { nil }
    }

    /// Runs `body` with the engine, from any thread. Does nothing if it has stopped.
    nonisolated func enter(_ body: @escaping @Sendable (TorrentEngine) -> Void) {
        loop.post { self.assumeIsolated { if let engine = $0.engine { body(engine) } } }
    }

    nonisolated func enterMetadata(_ body: @escaping @Sendable (MetadataSession) -> Void) {
        loop.post { self.assumeIsolated { if let session = $0.metadataSession { body(session) } } }
    }
}

/// Progress of a check, readable from the loop while worker threads update it.
final class CheckFraction: Sendable {
    private let state = Mutex((done: Int64(0), total: Int64(0), isCancelled: false))

    var value: Double { state.withLock { $0.total > 0 ? Double($0.done) / Double($0.total) : 0 } }
    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    func set(_ done: Int64, of total: Int64) {
        state.withLock {
            $0.done = done
            $0.total = total
        }
    }

    func cancel() { state.withLock { $0.isCancelled = true } }
}
