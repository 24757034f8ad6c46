import Address
import Admission
import Hashing
import Logging
import Reactor

/// Takes connections in and reads which torrent each is about. Lives on the loop; torrents may live on others.
///
/// Every connection has a place in the process's budget. If the budget is used up, the connection without progress for
/// longest is evicted; only if every connection has just made progress, the new one is refused.
final class Listener: ReadinessHandler, TorrentDirectory {
    /// Number of connections accepted before other work of the loop. Connections evicted for them are closed in the
    /// same iteration, but later: up to this many reserve descriptors may be in use for that moment.
    private static let batch = 32
    /// Seconds for which accepting pauses if the process has no descriptors left and no connection can be evicted.
    private static let rest = 1.0

    private let socket: StreamListener
    private let loop: EventLoop
    private let staging: ReceiveStaging
    private let tunables: PeerConnection.Tunables
    private let admission: Admission
    private let logger: Logger
    private let resolve: (PeerConnection, SHA1Digest) -> Void
    /// Connections whose handshake has not named a torrent yet. Bounded by the budget.
    private var unnamed: [ObjectIdentifier: PeerConnection] = [:]
    private var isClosed = false

    /// - Parameter resolve: assigns the torrent with this info hash to a connection, if it is here and accepts it.
    init(
        socket: StreamListener, loop: EventLoop, staging: ReceiveStaging, tunables: PeerConnection.Tunables,
        admission: Admission, logger: Logger, resolve: @escaping (PeerConnection, SHA1Digest) -> Void
    ) throws(SocketError) {
        self.socket = socket
        self.loop = loop
        self.staging = staging
        self.tunables = tunables
        self.admission = admission
        self.logger = logger
        self.resolve = resolve
        try socket.register(on: loop, handler: self)
    }

    func ready(_ readiness: Readiness) {
        for _ in 0..<Self.batch {
            do {
                guard let (stream, from) = try socket.accept() else { return }
                take(stream, from)
            } catch {
                // An evicted connection frees its descriptor before the loop returns here.
                if error.isOutOfDescriptors, admission.shed(at: .peers, now: loop.now) { return }
                return pause(error)
            }
        }
    }

    private func pause(_ error: SocketError) {
        logger.warning("cannot take connections for a moment", metadata: ["error": "\(error)"])
        socket.modify(on: loop, for: [])
        loop.schedule(after: Self.rest) { [weak self] in
            guard let self, !isClosed else { return }
            socket.modify(on: loop, for: .read)
        }
    }

    private func take(_ stream: ByteStream, _ from: PeerAddress) {
        let eviction = Eviction()
        let ticket = admission.admit(from.source, at: .peers, now: loop.now) { eviction.evict() }
        guard let ticket else {
            stream.close()
            return
        }
        let connection = PeerConnection(
            accepted: stream, from: from, loop: loop, staging: staging, tunables: tunables, ticket: ticket,
            eviction: eviction, directory: self)
        unnamed[ObjectIdentifier(connection)] = connection
        connection.start()
    }

    func find(_ hash: SHA1Digest, for connection: PeerConnection) {
        unnamed[ObjectIdentifier(connection)] = nil
        resolve(connection, hash)
    }

    func ended(_ connection: PeerConnection) { unnamed[ObjectIdentifier(connection)] = nil }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        socket.unregister(from: loop)
        socket.close()
        for connection in unnamed.values { connection.close(.shutdown) }
        unnamed = [:]
    }
}
