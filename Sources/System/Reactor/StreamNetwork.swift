import Address
import Glibc

/// Opens and accepts connections: over TCP, or over an in-memory network of a test.
public protocol StreamNetwork {
    /// Begins to connect; the stream becomes writable when that is done, and ``ByteStream/connectError`` tells how.
    /// - Parameter source: the local address to come from, with a port of the network's choice.
    func connect(to address: PeerAddress, from source: PeerAddress?) throws(SocketError) -> ByteStream
    func listen(on address: PeerAddress) throws(SocketError) -> StreamListener
}

/// The network of this host.
public struct TCPNetwork: StreamNetwork, Sendable {
    public init() {}

    public func connect(to address: PeerAddress, from source: PeerAddress?) throws(SocketError) -> ByteStream {
        ByteStream(tcp: try Socket.connect(to: address, from: source))
    }

    public func listen(on address: PeerAddress) throws(SocketError) -> StreamListener {
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

    public var localAddress: PeerAddress? {
        switch kind {
        case .tcp(let descriptor): Socket.localAddress(of: descriptor)
        case .other(let endpoint): endpoint.localAddress
        }
    }

    /// The next waiting connection; nil when there is none, or none can be taken now.
    public func accept() throws(SocketError) -> (stream: ByteStream, from: PeerAddress)? {
        switch kind {
        case .tcp(let descriptor): try Socket.accept(on: descriptor).map { (ByteStream(tcp: $0.descriptor), $0.from) }
        case .other(let endpoint): endpoint.accept()
        }
    }

    /// Starts watching for connections; the handler is retained until ``unregister(from:)``. On the loop.
    public func register(on loop: EventLoop, handler: any ReadinessHandler) throws(SocketError) {
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
    var localAddress: PeerAddress? { get }
    func register(for interest: Interest, handler: any ReadinessHandler)
    func modify(for interest: Interest)
    func unregister()
    func accept() -> (stream: ByteStream, from: PeerAddress)?
    func close()
}
