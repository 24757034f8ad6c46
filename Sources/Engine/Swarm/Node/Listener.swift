import Admission
import Hashing
import Logging
import Reactor

/// Takes connections in and finds the torrent each is about. Lives on the loop.
///
/// Every connection has a place in the budget of the process. A full budget closes whoever has shown least for longest;
/// only where everybody has just shown something is the newcomer turned away.
final class Listener: ReadinessHandler, TorrentDirectory {
    /// Connections taken before others of the loop have their turn. Those that are closed for them are closed in the same
    /// turn, but after them: so many descriptors of the reserve may be in use for that moment.
    private static let batch = 32
    /// Seconds without taking connections when the process has no descriptors left and nobody to close.
    private static let rest = 1.0

    private let socket: StreamListener
    private let loop: EventLoop
    private let staging: ReceiveStaging
    private let tunables: PeerConnection.Tunables
    private let admission: Admission
    private let logger: Logger
    private let resolve: (PeerConnection, SHA1Digest) -> Void
    /// Connections whose handshake has not named a torrent yet. The budget bounds them.
    private var unnamed: [ObjectIdentifier: PeerConnection] = [:]
    private var isClosed = false

    /// - Parameter resolve: gives a connection its owner, the torrent of an info hash, if that is here and takes it.
    init(
        socket: StreamListener, loop: EventLoop, staging: ReceiveStaging, tunables: PeerConnection.Tunables,
        admission: Admission, logger: Logger, resolve: @escaping (PeerConnection, SHA1Digest) -> Void
    ) throws(SystemError) {
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
                admit(stream, from)
            } catch {
                // Who is closed leaves a descriptor before the loop comes back here.
                if error.isOutOfDescriptors, admission.shed(at: .peers, now: loop.now) { return }
                return pause(error)
            }
        }
    }

    private func pause(_ error: SystemError) {
        logger.warning("cannot take connections for a moment", metadata: ["error": "\(error)"])
        socket.modify(on: loop, for: [])
        loop.schedule(after: Self.rest) { [weak self] in
            guard let self, !isClosed else { return }
            socket.modify(on: loop, for: .read)
        }
    }

    private func admit(_ stream: ByteStream, _ from: SocketAddress) {
        let evicted = Evicted()
        let handle = LoopBound(evicted)
        let ticket = admission.admit(from.source, at: .peers, now: loop.now) { [loop] in
            loop.post { handle.value.connection?.evict() }
        }
        guard let ticket else {
            stream.close()
            return
        }
        let connection = PeerConnection(
            accepted: stream, from: from, loop: loop, staging: staging, tunables: tunables, ticket: ticket,
            directory: self)
        evicted.connection = connection
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

    /// The connection that is to be closed when its place is needed. Lives on the loop.
    private final class Evicted {
        weak var connection: PeerConnection?
    }
}
