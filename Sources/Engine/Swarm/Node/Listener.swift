import Admission
import Glibc
import Hashing
import Logging
import Reactor

/// Takes connections in and finds the torrent each is about. Lives on the loop.
///
/// Every connection has a place in the budget of the process. A full budget closes whoever has shown least for longest;
/// only where everybody has just shown something is the newcomer turned away.
final class Listener: ReadinessHandler {
    /// Connections taken before others of the loop have their turn. Those that are closed for them are closed in the same
    /// turn, but after them: so many descriptors of the reserve may be in use for that moment.
    private static let batch = 32
    /// Seconds without taking connections when the process has no descriptors left and nobody to close.
    private static let rest = 1.0

    private let descriptor: CInt
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
        descriptor: CInt, loop: EventLoop, staging: ReceiveStaging, tunables: PeerConnection.Tunables,
        admission: Admission, logger: Logger, resolve: @escaping (PeerConnection, SHA1Digest) -> Void
    ) throws(SystemError) {
        self.descriptor = descriptor
        self.loop = loop
        self.staging = staging
        self.tunables = tunables
        self.admission = admission
        self.logger = logger
        self.resolve = resolve
        try loop.register(descriptor, for: .read, handler: self)
    }

    func ready(_ readiness: Readiness) {
        for _ in 0..<Self.batch {
            do {
                guard let (descriptor, from) = try Socket.accept(on: descriptor) else { return }
                take(descriptor, from)
            } catch {
                // Who is closed leaves a descriptor before the loop comes back here.
                if error.isOutOfDescriptors, admission.shed(at: .peers, now: loop.now) { return }
                return pause(error)
            }
        }
    }

    private func pause(_ error: SystemError) {
        logger.warning("cannot take connections for a moment", metadata: ["error": "\(error)"])
        loop.modify(descriptor, for: [])
        loop.schedule(after: Self.rest) { [weak self] in
            guard let self, !isClosed else { return }
            loop.modify(descriptor, for: .read)
        }
    }

    private func take(_ descriptor: CInt, _ from: SocketAddress) {
        let evicted = Evicted()
        let handle = LoopBound(evicted)
        let ticket = admission.admit(from.source, at: .peers, now: loop.now) { [loop] in
            loop.post { handle.value.connection?.evict() }
        }
        guard let ticket else {
            Glibc.close(descriptor)
            return
        }
        let connection = PeerConnection(
            accepted: descriptor, from: from, loop: loop, staging: staging, tunables: tunables, ticket: ticket
        ) { [weak self] connection, hash in
            guard let self else { return }
            unnamed[ObjectIdentifier(connection)] = nil
            resolve(connection, hash)
        }
        evicted.connection = connection
        unnamed[ObjectIdentifier(connection)] = connection
        connection.endedUnnamed = { [weak self] in self?.unnamed[ObjectIdentifier($0)] = nil }
        connection.start()
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        loop.unregister(descriptor)
        Glibc.close(descriptor)
        for connection in unnamed.values { connection.close(.shutdown) }
        unnamed = [:]
    }

    /// The connection that is to be closed when its place is needed. Lives on the loop.
    private final class Evicted {
        weak var connection: PeerConnection?
    }
}
