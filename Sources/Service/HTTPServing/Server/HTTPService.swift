import Address
import Admission
import Glibc
import Hummingbird
import Logging
import NIOCore
import NIOPosix

/// Why a server could not start.
package struct HTTPServiceError: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// The configuration is not allowed.
        case configuration
        case addressInUse
        case permissionDenied
        case addressNotAvailable
        case system
    }

    package let kind: Kind
    package let description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    init(_ error: any Error, listening address: ListenAddress) {
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE: self.init(.addressInUse, "\(address) is in use by another program")
        case EACCES: self.init(.permissionDenied, "\(address) cannot be listened on: permission denied")
        case EADDRNOTAVAIL: self.init(.addressNotAvailable, "\(address) is not an address of this machine")
        default: self.init(.system, "\(address) cannot be listened on: \(error)")
        }
    }
}

/// One HTTP server.
package final class HTTPService: Sendable {
    /// The address on which it listens, with the port that the system chose if it was 0.
    package let address: ListenAddress
    private let connections: Connections
    /// The listening socket.
    package let channel: any Channel

    /// Maximum number of connections that the system queues before they are accepted.
    private static let backlog: Int32 = 4096

    /// Each read of a body wakes its reader, which costs as much as processing 64 KiB. So connections with much data
    /// are read in larger portions. If these are not filled, the portions become small again.
    private static let receiving = AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 2048, maximum: 256 << 10)

    /// Starts a server; returns when it accepts connections.
    /// - Parameters:
    ///   - door: the door whose limits apply to connections and requests.
    ///   - certificates: for TLS; nil for plain HTTP.
    package static func start(
        _ responder: some HTTPResponder<ServiceContext>, at address: ListenAddress, admission: Admission, door: Door,
        limits: HTTPLimits, certificates: Certificates? = nil, logger: Logger
    ) async throws(HTTPServiceError) -> HTTPService {
        // The library logs errors of single connections, which only a developer needs.
        var quiet = logger
        quiet.logLevel = logger.logLevel <= .debug ? .debug : max(logger.logLevel, .error)
        let connections = Connections(
            responder: responder, limits: limits, certificates: certificates, logger: quiet)
        let (first, headTime) = (connections.first, limits.headTime / .seconds(1))
        let handshakes = connections.handshakes
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.recvAllocator, value: receiving)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptGuard(admission: admission, door: door))
                }
            }
            .childChannelInitializer { channel in
                connections.came(channel)
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Lobby(
                            admission: admission, door: door, headTime: headTime, first: first,
                            handshakes: handshakes, open: connections.open))
                }
            }
        do {
            // An address is not looked up: the system's resolver knows no IPv6 where only loopback has it.
            let channel =
                if let numeric = try? SocketAddress(ipAddress: address.host, port: address.port) {
                    try await bootstrap.bind(to: numeric).get()
                } else {
                    try await bootstrap.bind(host: address.host, port: address.port).get()
                }
            let place = ListenAddress(host: address.host, port: channel.localAddress?.port ?? 0)
            return HTTPService(address: place, connections: connections, channel: channel)
        } catch {
            connections.stop()
            throw HTTPServiceError(error, listening: address)
        }
    }

    private init(address: ListenAddress, connections: Connections, channel: any Channel) {
        self.address = address
        self.connections = connections
        self.channel = channel
    }

    /// Stops accepting connections, lets current responses finish unless they are waiting, and closes everything. Large answers have
    /// ``HTTPLimits/stopTime`` to be read.
    package func stop() async {
        try? await channel.close()
        connections.stop()
        await connections.end()
    }
}
