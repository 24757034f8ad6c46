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
    private let logger: Logger
    private let resolve: (SHA1Digest, PeerConnection) -> (any ConnectionOwner)?
    private var unnamed: [ObjectIdentifier: PeerConnection] = [:]
    private var isClosed = false

    /// - Parameter resolve: the torrent of an info hash, nil when there is none or it takes nobody.
    init(
        descriptor: CInt, loop: EventLoop, staging: ReceiveStaging, logger: Logger,
        resolve: @escaping (SHA1Digest, PeerConnection) -> (any ConnectionOwner)?
    ) throws(SystemError) {
        self.descriptor = descriptor
        self.loop = loop
        self.staging = staging
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
        var created: PeerConnection?
        let connection = PeerConnection(accepted: descriptor, from: from, loop: loop, staging: staging) { [weak self] hash in
            guard let self, let connection = created else { return nil }
            created = nil
            unnamed[ObjectIdentifier(connection)] = nil
            return resolve(hash, connection)
        }
        created = connection
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
