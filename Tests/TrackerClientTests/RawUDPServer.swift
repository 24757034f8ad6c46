import NIOCore
import NIOPosix
import TestSupport

/// A UDP server on a free loopback port that answers each datagram with datagrams of the test's choice.
enum RawUDPServer {
    typealias Script = @Sendable (_ datagram: [UInt8], _ number: Int) -> [[UInt8]]

    /// Runs `body` with the URL of a server that closes afterwards.
    static func with<Result>(
        _ script: @escaping Script, isolation: isolated (any Actor)? = #isolation,
        _ body: (_ url: String, _ log: RequestLog) async throws -> Result
    ) async throws -> Result {
        let log = RequestLog()
        let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(UDPScriptedHandler(log: log, script: script))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            let result = try await body("udp://127.0.0.1:\(channel.localAddress?.port ?? 0)/announce", log)
            try await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }

    /// The transaction id of a request, as bytes.
    static func transaction(_ request: [UInt8]) -> [UInt8] { Array(request.dropFirst(12).prefix(4)) }
    /// The action of a request.
    static func action(_ request: [UInt8]) -> UInt8 { request.count > 11 ? request[11] : 255 }

    /// What a well-behaved tracker answers: to connect the connection id 7, to announce one peer.
    static func honest(_ request: [UInt8]) -> [UInt8] {
        switch action(request) {
        case 0: [0, 0, 0, 0] + transaction(request) + [0, 0, 0, 0, 0, 0, 0, 7]
        case 1: [0, 0, 0, 1] + transaction(request) + [0, 0, 3, 0x84, 0, 0, 0, 1, 0, 0, 0, 2, 10, 0, 0, 1, 0, 80]
        default: [0, 0, 0, 3] + transaction(request) + Array("what?".utf8)
        }
    }
}

private final class UDPScriptedHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let log: RequestLog
    private let script: RawUDPServer.Script

    init(log: RequestLog, script: @escaping RawUDPServer.Script) {
        self.log = log
        self.script = script
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        let datagram = Array(envelope.data.readableBytesView)
        let number = log.add("\(RawUDPServer.action(datagram))")
        for answer in script(datagram, number) {
            let reply = AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: ByteBuffer(bytes: answer))
            context.writeAndFlush(wrapOutboundOut(reply), promise: nil)
        }
    }
}
