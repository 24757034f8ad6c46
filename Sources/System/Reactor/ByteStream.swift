import Address
import Glibc

/// A connection, as the engine reads, writes and closes it: TCP, or an in-memory stream of a test network.
///
/// A value without memory of its own. Over TCP, a call costs one test of a tag in addition to its system call. The
/// owner of a stream must ``close()`` it once, after ``unregister(from:)``, and must not use it afterwards.
public struct ByteStream {
    private enum Kind {
        case tcp(CInt)
        case other(any StreamEndpoint)
    }

    private let kind: Kind

    /// - Parameter tcp: a connected or connecting non-blocking socket, which the stream closes.
    public init(tcp descriptor: CInt) { kind = .tcp(descriptor) }

    public init(_ endpoint: any StreamEndpoint) { kind = .other(endpoint) }

    // MARK: Readiness

    /// Starts watching the stream; the handler is retained until ``unregister(from:)``. On the loop.
    public func register(on loop: EventLoop, for interest: Interest, handler: any ReadinessHandler) throws(SocketError)
    {
        switch kind {
        case .tcp(let descriptor): try loop.register(descriptor, for: interest, handler: handler)
        case .other(let endpoint): endpoint.register(for: interest, handler: handler)
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

    /// `errno` of a finished connect; 0 if it succeeded.
    public var connectError: CInt {
        switch kind {
        case .tcp(let descriptor): Socket.error(of: descriptor)
        case .other(let endpoint): endpoint.connectError
        }
    }

    // MARK: Bytes

    public func receive(into buffer: UnsafeMutableRawBufferPointer) -> Socket.Outcome {
        switch kind {
        case .tcp(let descriptor): return Socket.receive(descriptor, into: buffer)
        case .other(let endpoint):
            var vector = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
            return withUnsafePointer(to: &vector) { endpoint.receive(into: UnsafeBufferPointer(start: $0, count: 1)) }
        }
    }

    /// Fills the vectors one after the other (readv).
    public func receive(into vectors: UnsafeBufferPointer<iovec>) -> Socket.Outcome {
        switch kind {
        case .tcp(let descriptor): Socket.receive(descriptor, into: vectors)
        case .other(let endpoint): endpoint.receive(into: vectors)
        }
    }

    /// - Parameter more: more data follows at once, so a short segment may wait.
    public func send(_ buffer: UnsafeRawBufferPointer, more: Bool) -> Socket.Outcome {
        switch kind {
        case .tcp(let descriptor): Socket.send(descriptor, buffer, more: more)
        case .other(let endpoint): endpoint.send(buffer)
        }
    }

    /// Sends file content; over TCP without copying it through this process (sendfile). `.bytes(0)`: the file ends
    /// before `offset`.
    public func sendFile(_ file: CInt, at offset: Int64, count: Int) -> Socket.Outcome {
        switch kind {
        case .tcp(let descriptor): return Socket.sendFile(descriptor, from: file, at: offset, count: count)
        case .other(let endpoint):
            let length = min(count, 256 << 10)
            return withUnsafeTemporaryAllocation(byteCount: length, alignment: 16) { bytes in
                let read = pread(file, bytes.baseAddress, length, off_t(offset))
                guard read > 0 else { return read == 0 ? .bytes(0) : .failed(errno) }
                return endpoint.send(UnsafeRawBufferPointer(rebasing: bytes[0..<read]))
            }
        }
    }

    public func close() {
        switch kind {
        case .tcp(let descriptor): Glibc.close(descriptor)
        case .other(let endpoint): endpoint.close()
        }
    }

    // MARK: What TCP alone knows

    public var localAddress: PeerAddress? {
        switch kind {
        case .tcp(let descriptor): Socket.localAddress(of: descriptor)
        case .other(let endpoint): endpoint.localAddress
        }
    }

    /// - Returns: nil if nothing is known of the path.
    public var path: PathReading? { descriptor.flatMap { Socket.path(of: $0) } }

    public func setNoDelay() { if let descriptor { Socket.setNoDelay(descriptor) } }

    /// Sets the number of unsent bytes above which the stream is not writable.
    public func setUnsentLowWater(bytes: Int) {
        if let descriptor { Socket.setUnsentLowWater(descriptor, bytes: bytes) }
    }

    /// Sets the maximum send rate in bytes per second; nil for no limit.
    public func setPacingLimit(_ rate: Int?) { if let descriptor { Socket.setPacingLimit(descriptor, rate) } }

    /// See ``Socket/setCongestionControl(_:_:)``.
    public func setCongestionControl(_ name: String) -> CInt {
        descriptor.map { Socket.setCongestionControl($0, name) } ?? ENOENT
    }

    private var descriptor: CInt? {
        if case .tcp(let descriptor) = kind { descriptor } else { nil }
    }
}

/// The local end of an in-memory connection. Readiness is level-triggered, as with epoll: the handler is called
/// repeatedly while the endpoint is ready for a watched event. All calls, including those of the handler, are made on
/// the loop.
public protocol StreamEndpoint: AnyObject {
    func register(for interest: Interest, handler: any ReadinessHandler)
    func modify(for interest: Interest)
    func unregister()
    /// 0, or an `errno`, when the endpoint is writable or closed for the first time.
    var connectError: CInt { get }
    var localAddress: PeerAddress? { get }
    func receive(into vectors: UnsafeBufferPointer<iovec>) -> Socket.Outcome
    func send(_ buffer: UnsafeRawBufferPointer) -> Socket.Outcome
    func close()
}
