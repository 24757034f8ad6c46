import Admission
import HTTPServing
import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import Testing

/// The gate and the handler of large answers behind it, with a client that reads when it is told to.
@Suite struct `A connection's gate` {
    /// Stands for the connection: takes each body only when told to, and counts reads.
    private final class Valve: ChannelDuplexHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundIn = HTTPServerResponsePart
        typealias OutboundOut = HTTPServerResponsePart

        /// Sizes of the bodies that were written, and the promises of those that the client has not read.
        private(set) var sizes: [Int] = []
        private var unread: [EventLoopPromise<Void>] = []
        private(set) var ends = 0
        private(set) var reads = 0
        private(set) var outputsClosed = 0
        private(set) var isClosed = false

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            switch unwrapOutboundIn(data) {
            case .head: promise?.succeed()
            case .body(let body):
                sizes.append(body.readableBytes)
                if let promise { unread.append(promise) }
            case .end:
                ends += 1
                promise?.succeed()
            }
        }

        func read(context: ChannelHandlerContext) { reads += 1 }

        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            guard mode == .output else {
                isClosed = true
                for promise in unread { promise.fail(ChannelError.ioOnClosedChannel) }
                unread = []
                return context.close(mode: mode, promise: promise)
            }
            outputsClosed += 1
            promise?.succeed()
        }

        /// The client reads one body.
        func turn() { if !unread.isEmpty { unread.removeFirst().succeed() } }
    }

    /// A connection whose requests arrive and are answered.
    private struct Client {
        let valve = Valve()
        let channel = EmbeddedChannel()
        let admission = Admission()

        init() throws {
            let now = MonotonicTime.now
            let ticket = try #require(admission.admit(Source(ipv4: 1), at: .api, now: now) {})
            try channel.pipeline.syncOperations.addHandlers([
                valve, ConnectionGate(ticket, HeadClock(limit: 10, now: now)), HTTP1ToHTTPServerCodec(secure: false),
                LargeAnswers(ticket),
            ])
            channel.pipeline.fireChannelActive()
        }

        func ask(_ path: String) throws {
            let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: ["Host": "localhost"])
            channel.pipeline.fireChannelRead(HTTPServerRequestPart.head(head))
            channel.pipeline.fireChannelRead(HTTPServerRequestPart.end(nil))
            channel.pipeline.fireChannelReadComplete()
        }

        func answer(_ size: Int, closing: Bool = false) {
            let head = HTTPResponse(status: .ok, headerFields: [.contentLength: "\(size)"])
            channel.write(HTTPResponsePart.head(head), promise: nil)
            channel.write(HTTPResponsePart.body(ByteBuffer(repeating: 1, count: size)), promise: nil)
            channel.write(HTTPResponsePart.end(nil), promise: nil)
            channel.flush()
            if closing { channel.close(mode: .output, promise: nil) }
        }

        /// The paths of requests that have come through, and `end` for the end of each.
        func passed() throws -> [String] {
            var all: [String] = []
            while let part = try channel.readInbound(as: HTTPRequestPart.self) {
                switch part {
                case .head(let head): all.append(head.path ?? "")
                case .body: all.append("body")
                case .end: all.append("end")
                }
            }
            return all
        }

        func finish() { _ = try? channel.finish(acceptAlreadyClosed: true) }
    }

    @Test
    func `sends a large answer slice by slice, each when the one before has been read, and its end behind the last`()
        throws
    {
        let client = try Client()
        try client.ask("/a")
        client.answer(600 << 10)
        for sent in 1...3 {
            #expect(client.valve.sizes.count == sent && client.valve.ends == 0)
            #expect(client.admission.figures.unsentBytes == 600 << 10)
            client.channel.embeddedEventLoop.run()
            #expect(client.valve.sizes.count == sent)
            client.valve.turn()
            client.channel.embeddedEventLoop.run()
        }
        #expect(client.valve.sizes == [256 << 10, 256 << 10, 88 << 10] && client.valve.ends == 1)
        #expect(client.admission.figures.unsentBytes == 0)
        client.finish()
    }

    @Test func `holds the next request, and reads no more, until the answer before it has been sent`() throws {
        let client = try Client()
        try client.ask("/a")
        try client.ask("/b")
        client.channel.read()
        #expect(try client.passed() == ["/a", "end"])
        let reads = client.valve.reads
        client.answer(300 << 10)
        client.valve.turn()
        client.channel.embeddedEventLoop.run()
        #expect(try client.passed() == [] && client.valve.reads == reads && client.valve.sizes.count == 2)
        client.valve.turn()
        client.channel.embeddedEventLoop.run()
        #expect(try client.passed() == ["/b", "end"] && client.valve.reads == reads + 1)
        // What comes later is not held for the request before.
        client.answer(10)
        #expect(client.valve.ends == 2)
        try client.ask("/c")
        #expect(try client.passed() == ["/c", "end"])
        client.finish()
    }

    @Test func `holds a request while the client leaves what was sent unread`() throws {
        let client = try Client()
        try client.ask("/a")
        client.answer(10)
        client.channel.isWritable = false
        try client.ask("/b")
        client.channel.embeddedEventLoop.run()
        #expect(try client.passed() == ["/a", "end"])
        client.channel.isWritable = true
        client.channel.pipeline.fireChannelWritabilityChanged()
        client.channel.embeddedEventLoop.run()
        #expect(try client.passed() == ["/b", "end"])
        client.finish()
    }

    @Test func `refuses a request that was held for what it says, when its turn comes`() throws {
        let client = try Client()
        try client.ask("/a")
        try client.ask("no target")
        #expect(client.valve.ends == 0)
        client.answer(10)
        client.channel.embeddedEventLoop.run()
        #expect(try client.passed() == ["/a", "end"])
        #expect(client.valve.ends == 2)
        client.finish()
    }

    @Test func `holds many requests that come in one go, and answers each in its turn`() throws {
        let client = try Client()
        for number in 0...64 { try client.ask("/\(number)") }
        for number in 0...64 {
            #expect(try client.passed() == ["/\(number)", "end"])
            client.answer(10)
            client.channel.embeddedEventLoop.run()
        }
        #expect(client.valve.ends == 65 && !client.valve.isClosed)
        client.finish()
    }

    @Test func `closes a connection that sends requests without end and does not read the answer`() throws {
        let client = try Client()
        for number in 0...65 { try client.ask("/\(number)") }
        #expect(client.valve.isClosed)
        // The decoder is in the middle of what was read.
        for _ in 0..<10 { try client.ask("/more") }
        client.channel.embeddedEventLoop.run()
        #expect(try client.passed() == ["/0", "end"])
    }

    @Test func `closes a connection that sends a held request's body in countless parts`() throws {
        let client = try Client()
        try client.ask("/a")
        let head = HTTPRequestHead(version: .http1_1, method: .PUT, uri: "/b", headers: ["Host": "localhost"])
        client.channel.pipeline.fireChannelRead(HTTPServerRequestPart.head(head))
        let part = HTTPServerRequestPart.body(ByteBuffer(string: "x"))
        for _ in 1..<4_096 { client.channel.pipeline.fireChannelRead(part) }
        #expect(!client.valve.isClosed)
        client.channel.pipeline.fireChannelRead(part)
        #expect(client.valve.isClosed)
        client.channel.embeddedEventLoop.run()
        #expect(try client.passed() == ["/a", "end"])
    }

    @Test func `closes the output behind a large answer, not within it`() throws {
        let client = try Client()
        try client.ask("/a")
        client.answer(300 << 10, closing: true)
        #expect(client.valve.outputsClosed == 0)
        for _ in 0..<2 {
            client.valve.turn()
            client.channel.embeddedEventLoop.run()
        }
        #expect(client.valve.ends == 1 && client.valve.outputsClosed == 1)
        client.finish()
    }

    /// What has become of a question whether the answers have been sent.
    private final class Outcome {
        var isSent: Bool?

        init(_ client: Client) {
            let sent = client.channel.eventLoop.makePromise(of: Void.self)
            client.channel.triggerUserOutboundEvent(LargeAnswers.Sent(), promise: sent)
            sent.futureResult.assumeIsolated().whenComplete { result in
                self.isSent =
                    switch result {
                    case .success: true
                    case .failure: false
                    }
            }
        }
    }

    @Test func `tells when a large answer has been sent, and when it cannot be`() throws {
        let client = try Client()
        #expect(Outcome(client).isSent == true, "there is none")
        try client.ask("/a")
        client.answer(300 << 10)
        let first = Outcome(client)
        for _ in 0..<2 {
            #expect(first.isSent == nil)
            client.valve.turn()
            client.channel.embeddedEventLoop.run()
        }
        #expect(first.isSent == true)
        try client.ask("/b")
        client.answer(300 << 10)
        let second = Outcome(client)
        client.channel.close(promise: nil)
        client.channel.embeddedEventLoop.run()
        #expect(second.isSent == false)
    }

    @Test func `a connection that closes within a large answer leaves nothing in the budget`() throws {
        let client = try Client()
        try client.ask("/a")
        client.answer(600 << 10)
        client.valve.turn()
        client.channel.embeddedEventLoop.run()
        client.channel.close(promise: nil)
        client.channel.embeddedEventLoop.run()
        #expect(client.valve.sizes.count == 2 && client.valve.ends == 0)
        #expect(client.admission.figures.unsentBytes == 0)
    }
}
