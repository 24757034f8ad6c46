import Foundation
import Synchronization
import TestSupport

/// Runs a body with the port of an HTTP proxy that opens tunnels, and what it was asked for.
func withProxy(
    isolation: isolated (any Actor)? = #isolation, _ body: (UInt16, @escaping () -> [String]) async throws -> Void
) async throws {
    let asked = Asked()
    let listener = try TestListener()
    defer { listener.shutDown() }
    listener.serve { connection in
        var head: [UInt8] = []
        while !String(decoding: head, as: UTF8.self).contains("\r\n\r\n") {
            guard let more = Loopback.receive(connection, most: 1), !more.isEmpty else { return }
            head += more
        }
        let words = String(decoding: head, as: UTF8.self).split(separator: " ")
        guard words.first == "CONNECT", let target = words.dropFirst().first, let colon = target.lastIndex(of: ":"),
            let port = UInt16(target[target.index(after: colon)...]), let server = try? Loopback.connect(to: port)
        else { return }
        asked.add(String(target))
        Loopback.send(connection, Array("HTTP/1.1 200 Connection established\r\n\r\n".utf8))
        let over = DispatchSemaphore(value: 0)
        for (from, to) in [(connection, server), (server, connection)] {
            Thread.detachNewThread {
                while let bytes = Loopback.receive(from), !bytes.isEmpty, Loopback.send(to, bytes) {}
                shutdown(to, CInt(SHUT_WR))
                over.signal()
            }
        }
        over.wait()
        over.wait()
        close(server)
    }
    try await body(listener.port) { asked.all }
}

private final class Asked: Sendable {
    private let targets = Mutex<[String]>([])

    func add(_ target: String) { targets.withLock { $0.append(target) } }
    var all: [String] { targets.withLock { $0 } }
}
