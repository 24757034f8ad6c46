import Address
import Foundation
import Reactor
import Synchronization
import TestSupport
import Tracking

/// A web server for one content: answers GET with ranges, one request per connection.
final class WebOrigin: Sendable {
    let url: String
    private let listener: TestListener
    private let requests = Mutex(0)

    /// - Parameters:
    ///   - files: by path below the server's root.
    ///   - spoil: changes the bytes of an answer, given how many there were before.
    init(_ files: [String: [UInt8]], spoil: @escaping @Sendable (inout [UInt8], Int) -> Void = { _, _ in }) throws {
        let listener = try TestListener()
        self.listener = listener
        url = "http://127.0.0.1:\(listener.port)/"
        listener.serve { [weak self] accepted in
            guard let self else { return }
            let number = requests.withLock {
                $0 += 1
                return $0 - 1
            }
            Self.answer(accepted, files) { spoil(&$0, number) }
        }
    }

    var count: Int { requests.withLock { $0 } }

    deinit { listener.shutDown() }

    private static func answer(_ socket: CInt, _ files: [String: [UInt8]], spoil: (inout [UInt8]) -> Void) {
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual([13, 10, 13, 10]) {
            var byte: UInt8 = 0
            guard head.count < 16384, recv(socket, &byte, 1, 0) == 1 else { return }
            head.append(byte)
        }
        let lines = String(decoding: head, as: UTF8.self).components(separatedBy: "\r\n")
        let path = lines[0].components(separatedBy: " ").dropFirst().first ?? ""
        guard let content = files[String(path.dropFirst()).removingPercentEncoding ?? ""] else {
            return send(socket, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", [])
        }
        var range = 0..<content.count
        var status = "200 OK\r\n"
        if let line = lines.first(where: { $0.lowercased().hasPrefix("range: bytes=") }) {
            let bounds = line.dropFirst("range: bytes=".count).split(separator: "-").compactMap { Int($0) }
            if bounds.count == 2 { range = bounds[0]..<min(content.count, bounds[1] + 1) }
            status =
                "206 Partial Content\r\nContent-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(content.count)\r\n"
        }
        var body = Array(content[range])
        spoil(&body)
        send(socket, "HTTP/1.1 \(status)Content-Length: \(body.count)\r\nConnection: close\r\n\r\n", body)
    }

    private static func send(_ socket: CInt, _ head: String, _ body: [UInt8]) {
        Loopback.send(socket, Array(head.utf8) + body)
    }
}
