import NIOCore
import NIOPosix
import Tracking

/// A UDP socket connected to one address of one tracker, with its outstanding exchanges.
///
/// Connected, so that the kernel drops datagrams of other senders and reports a closed port.
final class UDPSession: Sendable {
    /// The tracker's port is closed, or the network reports it as unreachable.
    struct Broken: Error { let reason: String }

    private let channel: any Channel
    private let exchanges: NIOLoopBound<UDPExchanges>

    private init(channel: any Channel, exchanges: NIOLoopBound<UDPExchanges>) {
        self.channel = channel
        self.exchanges = exchanges
    }

    /// Maximum size of a datagram.
    private static let datagramBytes = 65_536

    /// - Parameter source: local address; nil lets the operating system choose.
    static func open(to remote: SocketAddress, from source: SocketAddress?) async throws -> UDPSession {
        let bootstrap = DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: datagramBytes))
        let channel: any Channel
        if let source {
            channel = try await bootstrap.bind(to: source).get()
            try await channel.connect(to: remote).get()
        } else {
            channel = try await bootstrap.connect(to: remote).get()
        }
        return try await channel.eventLoop.submit {
            let handler = UDPExchanges()
            try channel.pipeline.syncOperations.addHandler(handler)
            return UDPSession(channel: channel, exchanges: NIOLoopBound(handler, eventLoop: channel.eventLoop))
        }.get()
    }

    func close() { channel.close(promise: nil) }

    var isOpen: Bool { channel.isActive }

    /// Sends a packet and waits for a datagram of the same transaction that `read` can parse.
    /// - Returns: nil if none arrived within `timeout` seconds, or the task was cancelled.
    func exchange<Answer: Sendable>(
        _ packet: [UInt8], transaction: UInt32, timeout: Double,
        read: @escaping @Sendable ([UInt8]) throws(TrackerAnswerError) -> Answer?
    ) async throws -> Answer? {
        let loop = channel.eventLoop
        let promise = loop.makePromise(of: Answer?.self)
        let exchanges = exchanges
        return try await withTaskCancellationHandler {
            loop.execute {
                exchanges.value.begin(transaction, packet: packet, timeout: .after(timeout)) { outcome in
                    switch outcome {
                    case .failure(let error): promise.fail(error)
                    case .success(nil): promise.succeed(nil)
                    case .success(let datagram?):
                        do {
                            guard let answer = try read(datagram) else { return false }
                            promise.succeed(answer)
                        } catch {
                            promise.fail(error)
                        }
                    }
                    return true
                }
            }
            return try await promise.futureResult.get()
        } onCancel: {
            loop.execute { exchanges.value.end(transaction) }
        }
    }
}

/// Assigns datagrams to waiting exchanges. Runs on the event loop of its channel.
final class UDPExchanges: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    /// Receives a datagram, nil at the timeout, or an error. Returns false if the datagram is not the response, to
    /// continue waiting.
    typealias Receiver = (Result<[UInt8]?, any Error>) -> Bool

    private var waiting: [UInt32: (receiver: Receiver, timer: Scheduled<Void>)] = [:]
    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func begin(_ transaction: UInt32, packet: [UInt8], timeout: TimeAmount, receiver: @escaping Receiver) {
        guard let context, let remote = context.remoteAddress, waiting[transaction] == nil else {
            _ = receiver(.failure(UDPSession.Broken(reason: "the socket is closed")))
            return
        }
        let me = NIOLoopBound(self, eventLoop: context.eventLoop)
        let timer = context.eventLoop.scheduleTask(in: timeout) { me.value.end(transaction) }
        waiting[transaction] = (receiver, timer)
        let envelope = AddressedEnvelope(remoteAddress: remote, data: ByteBuffer(bytes: packet))
        context.writeAndFlush(wrapOutboundOut(envelope)).whenFailure { me.value.fail($0) }
    }

    /// Ends waiting for a response, if it has not ended yet.
    func end(_ transaction: UInt32) {
        guard let entry = waiting.removeValue(forKey: transaction) else { return }
        entry.timer.cancel()
        _ = entry.receiver(.success(nil))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let datagram = unwrapInboundIn(data).data
        guard let transaction = datagram.getInteger(at: datagram.readerIndex + 4, as: UInt32.self),
            let entry = waiting[transaction], entry.receiver(.success(Array(datagram.readableBytesView)))
        else { return }
        entry.timer.cancel()
        waiting[transaction] = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error) }

    func channelInactive(context: ChannelHandlerContext) { fail(ChannelError.alreadyClosed) }

    private func fail(_ error: any Error) {
        let failed = waiting
        waiting = [:]
        let reason = (error as? IOError)?.description ?? String(describing: error)
        for entry in failed.values {
            entry.timer.cancel()
            _ = entry.receiver(.failure(UDPSession.Broken(reason: reason)))
        }
    }
}
