import NIOCore
import NIOPosix
import Synchronization

/// A TCP server on a free loopback port that answers each request with bytes and pauses of the test's choice: for the
/// answers that no real store gives. It reads request bodies to their end before it answers.
final class RawStore: Sendable {
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
    private let log: Log

    private init(channel: any Channel, log: Log) {
        self.channel = channel
        self.log = log
    }

    var port: UInt16 { UInt16(channel.localAddress?.port ?? 0) }
    /// Heads of all requests so far.
    var requests: [String] { log.all }

    /// Runs `body` with a server that closes afterwards.
    static func with<Result>(
        _ script: @escaping Script, isolation: isolated (any Actor)? = #isolation,
        _ body: (RawStore) async throws -> Result
    ) async throws -> Result {
        let log = Log()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try child.pipeline.syncOperations.addHandler(ScriptedHandler(log: log, script: script))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let server = RawStore(channel: channel, log: log)
        do {
            let result = try await body(server)
            try await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }

    /// Request heads in the order they came.
    fileprivate final class Log: Sendable {
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
}

/// The head of an answer.
func head(_ status: String, _ headers: String...) -> RawStore.Step {
    .send((["HTTP/1.1 \(status)"] + headers).joined(separator: "\r\n") + "\r\n\r\n")
}

/// A whole answer with a document.
func answer(_ status: String, _ body: String, _ headers: String...) -> [RawStore.Step] {
    let all = ["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)"] + headers
    return [.send(all.joined(separator: "\r\n") + "\r\n\r\n" + body)]
}

private final class ScriptedHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let log: RawStore.Log
    private let script: RawStore.Script
    private var received = ByteBuffer()
    private var request: (head: String, rest: Int)?

    init(log: RawStore.Log, script: @escaping RawStore.Script) {
        self.log = log
        self.script = script
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = unwrapInboundIn(data)
        received.writeBuffer(&part)
        if request == nil {
            let view = received.readableBytesView
            guard let end = view.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound else { return }
            let head = received.readString(length: end - view.startIndex) ?? ""
            let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
                .flatMap { Int($0.dropFirst(15).filter { $0 != " " }) }
            request = (head, length ?? 0)
        }
        guard let (head, rest) = request else { return }
        guard received.readableBytes >= rest else {
            request = (head, rest - received.readableBytes)
            received.clear()
            return
        }
        received.moveReaderIndex(forwardBy: rest)
        request = nil
        run(script(head, log.add(head))[...], context)
    }

    private func run(_ steps: ArraySlice<RawStore.Step>, _ context: ChannelHandlerContext) {
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
