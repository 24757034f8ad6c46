import Admission
import Foundation
import HTTPServing
import HTTPTypes
import Hummingbird
import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct `Files of an answer` {
    private static let bytes = (0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }

    private let place: TemporaryDirectory

    init() throws {
        place = try TemporaryDirectory()
        try Data(Self.bytes).write(to: URL(filePath: place.path + "/large"))
    }

    /// Serves the directory; `/large` is the file `large`.
    private struct Files: HTTPResponder {
        let root: String
        let admission: Admission
        var limits = HTTPLimits()

        func respond(to request: Request, context: ServiceContext) async throws -> Response {
            let name = Array(request.uri.path.utf8.dropFirst())
            guard let file = ServedFile(root: root, components: [name]),
                let place = context.place(admission, at: .files)
            else { return .bare(.notFound) }
            return FileAnswer(to: request.head, file: file, headers: [.contentType: "application/octet-stream"])
                .response(in: context, within: limits, admission, holding: place)
        }
    }

    private func withFiles(
        certificates: Certificates? = nil, isolation: isolated (any Actor)? = #isolation,
        _ body: (HTTPService, Admission) async throws -> Void
    ) async throws {
        let admission = Admission()
        try await withServer(
            of: Files(root: place.path, admission: admission), certificates: certificates, admission: admission
        ) { try await body($0, admission) }
    }

    private func requestsAreOver(_ admission: Admission) async throws -> Bool {
        try await eventually { admission.figures.requests[.files] == 0 }
    }

    @Test(arguments: [false, true])
    func `come right, whole and in part, sent by the system and over TLS`(isTLS: Bool) async throws {
        let certificates = isTLS ? try await TestCertificate.make(in: place.path, name: "one") : nil
        let (scheme, trust) = (isTLS ? "https" : "http", isTLS ? place.path + "/one.pem" : "/dev/null")
        try await withFiles(certificates: certificates) { server, admission async throws in
            let out = place.path + "/out"
            for (option, expected, status) in [
                ("0-", Self.bytes[0...], 206), ("1000001-2500000", Self.bytes[1_000_001...2_500_000], 206),
                ("-1", Self.bytes.suffix(1), 206), ("9-9", Self.bytes[9...9], 206),
            ] {
                let answer = try await server.curl(
                    "/large", "--cacert", trust, "-r", option, "-o", out, scheme: scheme)
                #expect(answer.status == status)
                #expect(try Array(Data(contentsOf: URL(filePath: out))) == Array(expected), "\(option)")
            }
            // One connection, one answer after the other.
            let twice = try await server.curl(
                "/large", "--cacert", trust, "-o", out, "\(scheme)://localhost:\(server.address.port)/large", "-o",
                out + "2", scheme: scheme)
            #expect(twice.status == 200)
            for name in [out, out + "2"] { #expect(try Array(Data(contentsOf: URL(filePath: name))) == Self.bytes) }
            let head = try await server.curl("/large", "--cacert", trust, "-I", scheme: scheme)
            #expect(head.status == 200)
            #expect(head.text.lowercased().contains("content-length: 3000001"))
            #expect(try await requestsAreOver(admission))
        }
    }

    @Test func `are let go of when their reader goes away in the middle`() async throws {
        try await withFiles { server, admission async throws in
            try Data(count: 64 << 20).write(to: URL(filePath: place.path + "/huge"))
            let port = server.address.port
            let socket = try await onThread { () throws -> Int32 in
                let socket = try dial(port)
                say(socket, "GET /huge HTTP/1.1\r\nHost: localhost\r\n\r\n")
                _ = hear(socket)
                return socket
            }
            #expect(admission.figures.requests[.files] == 1)
            #expect(admission.figures.unsentBytes == 0, "what the system sends waits in no buffer of this process")
            close(socket)
            #expect(try await requestsAreOver(admission))
        }
    }

    @Test func `of a reader that never reads do not keep a server from ending`() async throws {
        try await withFiles { server, admission async throws in
            try Data(count: 64 << 20).write(to: URL(filePath: place.path + "/huge"))
            let port = server.address.port
            let socket = try await onThread { () throws -> Int32 in
                let socket = try dial(port)
                say(socket, "GET /huge HTTP/1.1\r\nHost: localhost\r\n\r\n")
                _ = hear(socket)
                return socket
            }
            defer { close(socket) }
            await server.stop()
            #expect(try await requestsAreOver(admission))
        }
    }

    @Test func `that become shorter while they are sent end the connection`() async throws {
        try await withFiles { server, admission async throws in
            let path = place.path + "/shrinking"
            try Data(count: 64 << 20).write(to: URL(filePath: path))
            let port = server.address.port
            let received = try await onThread { () throws -> Int in
                let socket = try dial(port)
                defer { close(socket) }
                say(socket, "GET /shrinking HTTP/1.1\r\nHost: localhost\r\n\r\n")
                var received = hear(socket).utf8.count
                // The socket's buffers are full before the file's end is reached.
                truncate(path, 1 << 20)
                while let part = Loopback.receive(socket), !part.isEmpty { received += part.count }
                return received
            }
            #expect(received < 64 << 20)
            #expect(try await requestsAreOver(admission))
        }
    }

    @Test func `that are copied hold no more bytes than the budget has, however many readers do not read`() async throws
    {
        var limits = AdmissionLimits(descriptors: 10_000)
        limits.unsentBytes = 1 << 20
        let admission = Admission(limits: limits)
        let file = try #require(ServedFile(root: place.path, components: [Array("large".utf8)]))
        var readers: [Task<Void, Never>] = []
        for number in 0..<20 {
            let place = admission.request(from: Source(ipv4: UInt32(number)), at: .files, now: 0, close: {})
            let body = FileBody(
                file: file, range: 0..<file.size, limits: HTTPLimits(), admission: admission,
                place: try #require(place))
            readers.append(Task { try? await body.sent(by: DeafConnection()).write(NoWriter()) })
        }
        #expect(try await eventually { admission.figures.unsentBytes > (1 << 20) - (256 << 10) })
        #expect(admission.figures.unsentBytes <= 1 << 20)
        for reader in readers { reader.cancel() }
        for reader in readers { await reader.value }
        #expect(admission.figures.unsentBytes == 0)
        #expect(try await requestsAreOver(admission))
    }

    /// Takes nothing.
    private final class DeafConnection: FileSender {
        let sendsSlices = false
        /// nil once nobody is to wait any more.
        private let waiting = Mutex<[EventLoopPromise<Void>]?>([])

        func send(_ part: FilePart) -> EventLoopFuture<Void> {
            let promise = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
            let isWaiting = waiting.withLock { waiting in
                waiting?.append(promise)
                return waiting != nil
            }
            if !isWaiting { promise.fail(CancellationError()) }
            return promise.futureResult
        }

        func cancel() {
            let left = waiting.withLock { waiting in
                defer { waiting = nil }
                return waiting ?? []
            }
            for promise in left { promise.fail(CancellationError()) }
        }
    }

    private struct NoWriter: ResponseBodyWriter {
        mutating func write(_ buffer: ByteBuffer) async throws {}
        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }
}

@Suite struct `How much the system is asked to send at a time` {
    @Test func `is more where it goes out at once, up to a limit, and little again where it does not`() {
        var pace = SlicePace(smallest: 100, largest: 1_000)
        #expect(pace.length == 100)
        for expected in [200, 400, 800, 1_000, 1_000] {
            pace.sent(in: 0.1)
            #expect(pace.length == expected)
        }
        pace.sent(in: 30)
        #expect(pace.length == 100)
    }

    @Test func `is never less than the smallest`() {
        var pace = SlicePace(smallest: 100, largest: 10)
        pace.sent(in: 0)
        #expect(pace.length == 100)
    }
}
