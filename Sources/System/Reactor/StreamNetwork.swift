import Glibc

/// Opens and accepts connections: over TCP, or over an in-memory network of a test.
public protocol StreamNetwork {
    /// Starts to connect. The stream becomes writable when that is done; ``ByteStream/connectError`` returns the
    /// result.
    /// - Parameter source: local address, with a port that the network chooses.
    func connect(to address: SocketAddress, from source: SocketAddress?) throws(SystemError) -> ByteStream
    func listen(on address: SocketAddress) throws(SystemError) -> StreamListener
}

/// The network of this host.
public struct TCPNetwork: StreamNetwork, Sendable {
    public init() {}

    public func connect(to address: SocketAddress, from source: SocketAddress?) throws(SystemError) -> ByteStream {
        ByteStream(tcp: try Socket.connect(to: address, from: source))
    }

    public func listen(on address: SocketAddress) throws(SystemError) -> StreamListener {
        StreamListener(tcp: try Socket.listen(on: address))
    }
}

/// Accepts connections. The owner must ``close()`` it once, after ``unregister(from:)``.
public struct StreamListener {
    private enum Kind {
        case tcp(CInt)
        case other(any ListeningEndpoint)
    }

    private let kind: Kind

    /// - Parameter tcp: a listening non-blocking socket, which is closed with the listener.
    public init(tcp descriptor: CInt) { kind = .tcp(descriptor) }

    public init(_ endpoint: any ListeningEndpoint) { kind = .other(endpoint) }

    public var localAddress: SocketAddress? {
        switch kind {
        case .tcp(let descriptor): Socket.localAddress(of: descriptor)
        case .other(let endpoint): endpoint.localAddress
        }
    }

    /// The next waiting connection; nil if there is none, or none can be accepted now.
    public func accept() throws(SystemError) -> (stream: ByteStream, from: SocketAddress)? {
        switch kind {
        case .tcp(let descriptor): try Socket.accept(on: descriptor).map { (ByteStream(tcp: $0.descriptor), $0.from) }
        case .other(let endpoint): endpoint.accept()
        }
    }

    /// Starts watching for connections; the handler is retained until ``unregister(from:)``. On the loop.
    public func register(on loop: EventLoop, handler: any ReadinessHandler) throws(SystemError) {
        switch kind {
        case .tcp(let descriptor): try loop.register(descriptor, for: .read, handler: handler)
        case .other(let endpoint): endpoint.register(for: .read, handler: handler)
        }
    }

    public func modify(on loop: EventLoop, for interest: Interest) {
        switch kind {
        case .tcp(let descriptor): loop.modify(descriptor, for: interest)
        case .other(let endpoint): endpoint.modify(for: interest)
        }
    }

    public func unregister(from loop: EventLoop) {
        switch kind {
        case .tcp(let descriptor): loop.unregister(descriptor)
        case .other(let endpoint): endpoint.unregister()
        }
    }

    public func close() {
        switch kind {
        case .tcp(let descriptor): Glibc.close(descriptor)
        case .other(let endpoint): endpoint.close()
        }
    }
}

/// An in-memory listener; see ``StreamEndpoint``.
public protocol ListeningEndpoint: AnyObject {
    var localAddress: SocketAddress? { get }
    func register(for interest: Interest, handler: any ReadinessHandler)
    func modify(for interest: Interest)
    func unregister()
    func accept() -> (stream: ByteStream, from: SocketAddress)?
    func close()
}
