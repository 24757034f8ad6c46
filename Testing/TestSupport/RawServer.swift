import Foundation
import Synchronization

/// A TCP server on a free loopback port that answers each HTTP request with bytes and pauses of the test's choice: for the
/// answers that no real server gives. It reads a request's body to its end before it answers.
package final class RawServer: Sendable {
    package enum Step: Sendable {
        case send(String)
        case bytes([UInt8])
        case pause(Duration)
        case close
        /// Says nothing more and keeps the connection.
        case hang
    }

    /// What to do about a request: its head, and how many came before it.
    package typealias Script = @Sendable (_ head: String, _ number: Int) -> [Step]

    private let listener: TestListener
    private let log = RequestLog()
    private let connections = Mutex<Set<CInt>>([])

    private init(_ listener: TestListener) { self.listener = listener }

    package var port: UInt16 { listener.port }
    /// Heads of all requests so far.
    package var requests: [String] { log.all }

    package func url(_ path: String = "/announce", scheme: String = "http") -> String {
        "\(scheme)://127.0.0.1:\(port)\(path)"
    }

    /// Runs `body` with a server that closes afterwards.
    /// - Parameters:
    ///   - host: an address of loopback.
    ///   - port: 0 for one that the system chooses.
    package static func with<Result>(
        at host: String = "127.0.0.1", port: UInt16 = 0, _ script: @escaping Script,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (RawServer) async throws -> Result
    ) async throws -> Result {
        let server = RawServer(try TestListener(host: host, port: port))
        defer { server.stop() }
        server.listener.serve { server.serve($0, script) }
        return try await body(server)
    }

    private func stop() {
        listener.shutDown()
        connections.withLock { for connection in $0 { shutdown(connection, CInt(SHUT_RDWR)) } }
    }

    private func serve(_ connection: CInt, _ script: Script) {
        var one: CInt = 1
        setsockopt(connection, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
        connections.withLock { _ = $0.insert(connection) }
        var received: [UInt8] = []
        while let head = Self.nextHead(connection, &received) {
            guard Self.run(script(head, log.add(head)), connection) else { break }
        }
        connections.withLock { _ = $0.remove(connection) }
    }

    /// The head of the next request, whose body is read and dropped; nil when the client is gone.
    private static func nextHead(_ connection: CInt, _ received: inout [UInt8]) -> String? {
        let mark = Array("\r\n\r\n".utf8)
        while true {
            if let end = received.firstRange(of: mark)?.upperBound {
                let head = String(decoding: received[..<end], as: UTF8.self)
                let line = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
                let length = line.flatMap { Int($0.dropFirst(15).filter { $0 != " " }) } ?? 0
                var missing = end + length - received.count
                received.removeFirst(min(received.count, end + length))
                while missing > 0 {
                    guard let more = Loopback.receive(connection, most: min(missing, 65_536)), !more.isEmpty else {
                        return nil
                    }
                    missing -= more.count
                }
                return head
            }
            guard let more = Loopback.receive(connection), !more.isEmpty else { return nil }
            received += more
        }
    }

    /// False when the connection is to be closed. Steps up to a pause are sent together.
    private static func run(_ steps: [Step], _ connection: CInt) -> Bool {
        var unsent: [UInt8] = []
        for step in steps {
            switch step {
            case .send(let text):
                unsent += Array(text.utf8)
                continue
            case .bytes(let bytes):
                unsent += bytes
                continue
            case .pause, .close, .hang: break
            }
            guard Loopback.send(connection, unsent) else { return false }
            unsent = []
            switch step {
            case .pause(let time) where isOpen(connection, after: time): break
            case .hang:
                // The pause ends when the client or the server's end closes the connection.
                _ = isOpen(connection, after: .seconds(3600))
                return false
            default: return false
            }
        }
        return Loopback.send(connection, unsent)
    }

    /// Waits; false as soon as the connection has ended.
    private static func isOpen(_ connection: CInt, after time: Duration) -> Bool {
        // POLLRDHUP, which Swift's C library lacks.
        var watched = pollfd(fd: connection, events: 0x2000, revents: 0)
        let (seconds, fraction) = time.components
        return poll(&watched, 1, CInt(seconds * 1000 + fraction / 1_000_000_000_000_000)) == 0
    }
}

/// Request heads in the order they came.
package final class RequestLog: Sendable {
    private let heads = Mutex<[String]>([])

    package init() {}

    package var all: [String] { heads.withLock { $0 } }
    /// The head's number, from 0.
    package func add(_ head: String) -> Int {
        heads.withLock { heads in
            heads.append(head)
            return heads.count - 1
        }
    }
}
