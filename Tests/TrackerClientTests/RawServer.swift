import NIOCore
import NIOPosix
import Synchronization

/// A TCP server on a free loopback port that answers each request head with bytes and pauses of the test's choice: for
/// the answers that no real server gives.
final class RawServer: Sendable {
    enum Step: Sendable {
        case send(String)
        case bytes([UInt8])
        case pause(TimeAmount)
        case close
        /// Says nothing more and keeps the connection.
        case hang
    }

    /// What to do about a request: its head, and how many came before it.
    typealias Script = @Sendable (_ head: String, _ number: Int) -> [Step]

    private let channel: any Channel
    private let log: RequestLog

    private init(channel: any Channel, log: RequestLog) {
        self.channel = channel
        self.log = log
    }

    var port: Int { channel.localAddress?.port ?? 0 }
    /// Heads of all requests so far.
    var requests: [String] { log.all }

    func url(_ path: String = "/announce", scheme: String = "http") -> String { "\(scheme)://127.0.0.1:\(port)\(path)" }

    /// Runs `body` with a server that closes afterwards.
    /// - Parameter host: an address of loopback.
    static func with<Result>(
        at host: String = "127.0.0.1", _ script: @escaping Script, isolation: isolated (any Actor)? = #isolation,
        _ body: (RawServer) async throws -> Result
    ) async throws -> Result {
        let log = RequestLog()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try child.pipeline.syncOperations.addHandler(ScriptedHandler(log: log, script: script))
                }
            }
            .bind(host: host, port: 0).get()
        let server = RawServer(channel: channel, log: log)
        do {
            let result = try await body(server)
            try await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }
}

/// Request heads in the order they came.
final class RequestLog: Sendable {
    private let heads = Mutex<[String]>([])
    var all: [String] { heads.withLock { $0 } }
    /// The head's number, from 0.
    func add(_ head: String) -> Int {
        heads.withLock { heads in
            heads.append(head)
            return heads.count - 1
        }
    }
}

private final class ScriptedHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let log: RequestLog
    private let script: RawServer.Script
    private var received = ""

    init(log: RequestLog, script: @escaping RawServer.Script) {
        self.log = log
        self.script = script
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += String(buffer: unwrapInboundIn(data))
        guard received.hasSuffix("\r\n\r\n") else { return }
        let head = received
        received = ""
        run(script(head, log.add(head))[...], context)
    }

    private func run(_ steps: ArraySlice<RawServer.Step>, _ context: ChannelHandlerContext) {
        guard let step = steps.first else { return context.flush() }
        let rest = steps.dropFirst()
        switch step {
        case .send(let text): context.write(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        case .bytes(let bytes): context.write(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        case .hang:
            context.flush()
            return
        case .pause(let time):
            context.flush()
            let me = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: time) { me.value.0.run(rest, me.value.1) }
            return
        case .close:
            context.flush()
            context.close(promise: nil)
            return
        }
        run(rest, context)
    }
}
