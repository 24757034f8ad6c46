import Address
import Glibc
import Reactor

/// One end of a connection in memory.
final class VirtualStream: StreamEndpoint {
    private enum State {
        case connecting
        case connected
        case failed(CInt)
        case closed
    }

    private let network: VirtualNetwork
    private let local: PeerAddress
    private let remote: PeerAddress
    private var state = State.connecting
    private weak var other: VirtualStream?
    /// What has come and was not read.
    private var received: [UInt8] = []
    private var head = 0
    /// What is on its way to the other end, in order; no bytes for the end of the stream.
    private var inFlight: [[UInt8]] = []
    private var bytesInFlight = 0
    /// When the last of them comes: what is sent later does not overtake it.
    private var lastArrival = -Double.infinity
    /// The other end has sent its last byte.
    private var isEnded = false
    private lazy var watch = ReadinessWatch(on: network.loop) { [unowned self] in readiness }

    init(in network: VirtualNetwork, local: PeerAddress, remote: PeerAddress) {
        self.network = network
        self.local = local
        self.remote = remote
    }

    /// - Parameter other: nil when nobody listens there.
    func connected(to other: VirtualStream?) {
        guard case .connecting = state else {
            // This end was closed meanwhile.
            other?.isEnded = true
            other?.watch.look()
            return
        }
        guard !network.isCut(local, remote) else { return }
        self.other = other
        state = other == nil ? .failed(ECONNREFUSED) : .connected
        watch.look()
    }

    private var unread: Int { received.count - head }
    private var room: Int { max(0, network.window - bytesInFlight - (other?.unread ?? 0)) }

    private var readiness: Readiness {
        switch state {
        case .connecting, .closed: Readiness(readable: false, writable: false, closed: false)
        case .failed: Readiness(readable: true, writable: true, closed: true)
        case .connected: Readiness(readable: unread > 0 || isEnded, writable: room > 0 || isEnded, closed: isEnded)
        }
    }

    // MARK: StreamEndpoint

    var localAddress: PeerAddress? { local }
    var connectError: CInt { if case .failed(let code) = state { code } else { 0 } }

    func register(for interest: Interest, handler: any ReadinessHandler) {
        watch.register(for: interest, handler: handler)
    }
    func modify(for interest: Interest) { watch.modify(for: interest) }
    func unregister() { watch.unregister() }

    func receive(into vectors: UnsafeBufferPointer<iovec>) -> Socket.Outcome {
        if case .failed(let code) = state { return .failed(code) }
        guard unread > 0 else { return isEnded ? .ended : .wouldBlock }
        var taken = 0
        for vector in vectors where unread > 0 {
            let count = min(vector.iov_len, unread)
            let target = UnsafeMutableRawBufferPointer(start: vector.iov_base, count: count)
            received.withUnsafeBytes {
                target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[head..<head + count]))
            }
            head += count
            taken += count
        }
        if unread == 0 { (received, head) = ([], 0) }
        other?.watch.look()
        return .bytes(taken)
    }

    func send(_ buffer: UnsafeRawBufferPointer) -> Socket.Outcome {
        guard case .connected = state, !isEnded else { return .failed(EPIPE) }
        let bytes = Array(buffer.prefix(room))
        guard !bytes.isEmpty else { return .wouldBlock }
        transmit(bytes, after: network.delay(of: bytes.count, from: local))
        return .bytes(bytes.count)
    }

    func close() {
        watch.unregister()
        if case .connected = state { transmit([], after: network.latency) }
        state = .closed
    }

    private func transmit(_ bytes: [UInt8], after delay: Double) {
        inFlight.append(bytes)
        bytesInFlight += bytes.count
        lastArrival = max(network.now + delay, lastArrival)
        network.loop.schedule(after: lastArrival - network.now) { [self] in arrive() }
    }

    /// The first of what is on its way has come; nothing comes over a path that is cut.
    private func arrive() {
        guard let other, !network.isCut(local, remote) else { return }
        let bytes = inFlight.removeFirst()
        bytesInFlight -= bytes.count
        if bytes.isEmpty { other.isEnded = true } else { other.received.append(contentsOf: bytes) }
        other.watch.look()
    }

    /// The end of a connection that a listener takes in.
    static func accepted(by network: VirtualNetwork, at local: PeerAddress, from remote: PeerAddress)
        -> VirtualStream
    {
        let stream = VirtualStream(in: network, local: local, remote: remote)
        stream.state = .connected
        return stream
    }

    func join(_ client: VirtualStream) { other = client }
}

/// A host's listener. Connections that nobody accepts wait.
final class VirtualListener: ListeningEndpoint {
    let address: PeerAddress
    private let network: VirtualNetwork
    private var waiting: [(VirtualStream, PeerAddress)] = []
    private lazy var watch = ReadinessWatch(on: network.loop) { [unowned self] in
        Readiness(readable: !waiting.isEmpty, writable: false, closed: false)
    }

    init(in network: VirtualNetwork, on address: PeerAddress) {
        self.network = network
        self.address = address
    }

    /// - Returns: this side's end of a new connection.
    func take(_ client: VirtualStream, from: PeerAddress) -> VirtualStream {
        let stream = VirtualStream.accepted(by: network, at: address, from: from)
        stream.join(client)
        waiting.append((stream, from))
        watch.look()
        return stream
    }

    var localAddress: PeerAddress? { address }

    func register(for interest: Interest, handler: any ReadinessHandler) {
        watch.register(for: interest, handler: handler)
    }
    func modify(for interest: Interest) { watch.modify(for: interest) }
    func unregister() { watch.unregister() }

    func accept() -> (stream: ByteStream, from: PeerAddress)? {
        guard !waiting.isEmpty else { return nil }
        let (stream, from) = waiting.removeFirst()
        return (ByteStream(stream), from)
    }

    func close() {
        watch.unregister()
        for (stream, _) in waiting { stream.close() }
        waiting = []
        network.closed(self)
    }
}
