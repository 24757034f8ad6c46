import Glibc
import Hashing
import Logging
import Reactor

/// Takes connections in and finds the torrent each is about. Lives on the loop.
final class Listener: ReadinessHandler {
    /// Connections whose handshake has not named a torrent yet: a limit for those who only connect.
    private static let mostUnnamed = 256
    /// Seconds without taking connections when the process has no descriptors left.
    private static let rest = 1.0

    private let descriptor: CInt
    private let loop: EventLoop
    private let staging: ReceiveStaging
    private let tunables: PeerConnection.Tunables
    private let logger: Logger
    private let resolve: (PeerConnection, SHA1Digest) -> Void
    private var unnamed: [ObjectIdentifier: PeerConnection] = [:]
    private var isClosed = false

    /// - Parameter resolve: gives a connection its owner, the torrent of an info hash, if that is here and takes it.
    init(
        descriptor: CInt, loop: EventLoop, staging: ReceiveStaging, tunables: PeerConnection.Tunables, logger: Logger,
        resolve: @escaping (PeerConnection, SHA1Digest) -> Void
    ) throws(SystemError) {
        self.descriptor = descriptor
        self.loop = loop
        self.staging = staging
        self.tunables = tunables
        self.logger = logger
        self.resolve = resolve
        try loop.register(descriptor, for: .read, handler: self)
    }

    func ready(_ readiness: Readiness) {
        for _ in 0..<64 {
            do {
                guard let (descriptor, from) = try Socket.accept(on: descriptor) else { return }
                take(descriptor, from)
            } catch {
                logger.warning("cannot take connections for a moment", metadata: ["error": "\(error)"])
                loop.modify(descriptor, for: [])
                loop.schedule(after: Self.rest) { [weak self] in
                    guard let self, !isClosed else { return }
                    loop.modify(self.descriptor, for: .read)
                }
                return
            }
        }
    }

    private func take(_ descriptor: CInt, _ from: SocketAddress) {
        unnamed = unnamed.filter { $0.value.phase == .handshaking && $0.value.owner == nil }
        guard unnamed.count < Self.mostUnnamed else {
            Glibc.close(descriptor)
            return
        }
        let connection = PeerConnection(
            accepted: descriptor, from: from, loop: loop, staging: staging, tunables: tunables
        ) {
            [weak self] connection, hash in
            guard let self else { return }
            unnamed[ObjectIdentifier(connection)] = nil
            resolve(connection, hash)
        }
        unnamed[ObjectIdentifier(connection)] = connection
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
}
