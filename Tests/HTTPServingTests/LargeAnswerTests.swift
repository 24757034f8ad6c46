import Admission
import Glibc
import HTTPServing
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization
import TestSupport
import Testing

/// Answers that are made whole, such as long lists.
@Suite struct `Large answers` {
    private static let size = 16 << 20

    /// Large answers that were made.
    private final class Made: Sendable {
        private let number = Mutex(0)
        func add() { number.withLock { $0 += 1 } }
        var count: Int { number.withLock { $0 } }
    }

    private func withAnswers(
        room: Int, made: Made = Made(), limits httpLimits: HTTPLimits = HTTPLimits(),
        _ body: @escaping (HTTPService, Admission) async throws -> Void
    ) async throws {
        let bytes = ByteBuffer(repeating: 120, count: Self.size)
        let responder = CallbackResponder { (request: Request, _: ServiceContext) in
            if request.uri.path == "/small" { return .text("small") }
            made.add()
            return Response(status: .ok, body: ResponseBody(byteBuffer: bytes))
        }
        var limits = AdmissionLimits(descriptors: 1_000)
        limits.answerBytes = room
        let admission = Admission(limits: limits)
        try await withServer(of: responder, admission: admission, limits: httpLimits) {
            try await body($0, admission)
        }
    }

    /// Asks and does not read.
    private func ask(_ port: Int) async throws -> Int32 {
        try await onThread {
            let socket = try dial(port)
            say(socket, "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return socket
        }
    }

    /// Reads until the server closes the connection.
    /// - Returns: the number of bytes, the head's too.
    private func readAll(_ socket: Int32) async throws -> Int {
        try await onThread {
            var count = 0
            while let part = Loopback.receive(socket, most: 64 << 10), !part.isEmpty { count += part.count }
            return count
        }
    }

    private func refusesConnections(_ port: Int) async throws -> Bool {
        try await onThread {
            guard let socket = try? dial(port) else { return true }
            close(socket)
            return false
        }
    }

    @Test func `of clients that do not read hold no more than the budget, and others are told to come again`()
        async throws
    {
        try await withAnswers(room: 2 * Self.size) { server, admission in
            let port = server.address.port
            var readers = [try await ask(port), try await ask(port)]
            defer { for reader in readers { close(reader) } }
            #expect(try await eventually { admission.figures.unsentBytes == 2 * Self.size })
            let refused = try await server.curl("/large", "-i", "-o", "/dev/null", "-D", "-")
            #expect(refused.status == 503)
            #expect(refused.text.lowercased().contains("retry-after: 1"))
            #expect(try await server.curl("/small").text == "small")
            #expect(admission.figures.unsentBytes == 2 * Self.size)
            close(readers.removeLast())
            #expect(try await eventually { admission.figures.unsentBytes == Self.size })
            let whole = try await server.curl("/large", "-o", "/dev/null", "-w", "%{size_download}\n%{http_code}")
            #expect(whole.text == "\(Self.size)" && whole.status == 200)
            #expect(try await eventually { admission.figures.unsentBytes == Self.size })
        }
    }

    @Test func `come whole, one after the other, and leave no trace in the budget`() async throws {
        try await withAnswers(room: Self.size) { server, admission in
            let url = "http://localhost:\(server.address.port)/"
            let answers = try await server.curl(
                "/large", "-o", "/dev/null", url + "small", url + "large", "-o", "/dev/null", "-o", "/dev/null", "-w",
                "%{size_download} %{http_code}\n")
            #expect(answers.text == "5 200\n\(Self.size) 200\n\(Self.size) 200")
            #expect(try await eventually { admission.figures.unsentBytes == 0 })
        }
    }

    @Test func `that are asked for in one go are made one after the other`() async throws {
        let made = Made()
        try await withAnswers(room: 4 * Self.size, made: made) { server, admission in
            let port = server.address.port
            let socket = try await onThread {
                let socket = try dial(port)
                say(socket, String(repeating: "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 3))
                return socket
            }
            defer { close(socket) }
            #expect(try await eventually { admission.figures.unsentBytes == Self.size })
            #expect(try await server.curl("/small").text == "small")
            #expect(made.count == 1 && admission.figures.unsentBytes == Self.size)
            let size = Self.size
            let count = try await onThread {
                var count = 0
                while count < 3 * size, let part = Loopback.receive(socket, most: 1 << 20), !part.isEmpty {
                    count += part.count
                }
                return count
            }
            #expect(count >= 3 * Self.size && made.count == 3)
            #expect(try await eventually { admission.figures.unsentBytes == 0 })
        }
    }

    @Test func `whose clients read slowly are not cut off as idle`() async throws {
        var limits = HTTPLimits()
        // The connection would be closed before any client can have read the answer.
        limits.keepAlive = .milliseconds(1)
        try await withAnswers(room: Self.size, limits: limits) { server, admission in
            let socket = try await ask(server.address.port)
            defer { close(socket) }
            #expect(try await eventually { admission.figures.unsentBytes == Self.size })
            let count = try await readAll(socket)
            #expect(count > Self.size)
            #expect(try await eventually { admission.figures.unsentBytes == 0 })
        }
    }

    @Test func `come whole when the server stops meanwhile`() async throws {
        var limits = HTTPLimits()
        limits.stopTime = .seconds(60)
        try await withAnswers(room: Self.size, limits: limits) { server, admission in
            let port = server.address.port
            let socket = try await ask(port)
            defer { close(socket) }
            #expect(try await eventually { admission.figures.unsentBytes == Self.size })
            let stop = Task { await server.stop() }
            #expect(try await eventually { try await refusesConnections(port) })
            let count = try await readAll(socket)
            await stop.value
            #expect(count > Self.size)
        }
    }

    @Test func `of clients that do not read do not keep a server from ending`() async throws {
        var limits = HTTPLimits()
        limits.stopTime = .milliseconds(10)
        try await withAnswers(room: Self.size, limits: limits) { server, admission in
            let socket = try await ask(server.address.port)
            defer { close(socket) }
            #expect(try await eventually { admission.figures.unsentBytes == Self.size })
            await server.stop()
            #expect(try await eventually { admission.figures.unsentBytes == 0 })
        }
    }
}
