import Address
import Foundation
import Reactor
import Synchronization
import TestSupport
import Tracking

/// An HTTP/1.1 server with keep-alive and ranges whose behaviour can be changed while it runs, and which can be taken
/// off the net and put back on the same port.
final class RangeServer: Sendable {
    enum Behaviour: Sendable {
        case serves
        /// Answers every request with this status.
        case answers(Int)
        /// One byte of every answer is another.
        case lies
        /// Sends the head of an answer and then nothing.
        case stalls
        /// So many bytes per second on each connection.
        case crawls(Int)
    }

    private struct State {
        var behaviour = Behaviour.serves
        var missing: Set<String> = []
        var listener: TestListener?
        var connections: Set<CInt> = []
        /// Bytes of content sent, by path.
        var sent: [String: Int] = [:]
        var requests = 0
        var underWay = 0
    }

    let port: UInt16
    private let files: [String: [UInt8]]
    private let state = Mutex(State())

    /// - Parameter files: by path below the server's root.
    init(_ files: [String: [UInt8]]) throws {
        self.files = files
        let listener = try TestListener()
        port = listener.port
        start(listener)
    }

    deinit { state.withLock { $0.listener?.shutDown() } }

    func url(_ path: String = "") -> String { "http://127.0.0.1:\(port)/\(path)" }
    var requests: Int { state.withLock { $0.requests } }
    var answersUnderWay: Int { state.withLock { $0.underWay } }
    /// Bytes of content sent, by path.
    var sent: [String: Int] { state.withLock { $0.sent } }
    var sentBytes: Int { sent.values.reduce(0, +) }

    func behave(_ behaviour: Behaviour) { state.withLock { $0.behaviour = behaviour } }
    func lack(_ paths: Set<String>) { state.withLock { $0.missing = paths } }

    // MARK: On and off the net

    func goDown() {
        state.withLock { state in
            state.listener?.shutDown()
            state.listener = nil
            for connection in state.connections { shutdown(connection, CInt(SHUT_RDWR)) }
        }
    }

    func comeUp() throws { start(try TestListener(port: port)) }

    private func start(_ listener: TestListener) {
        state.withLock { $0.listener = listener }
        listener.serve { [weak self] accepted in
            // A connection that came in just before the server went off the net is not served.
            let isUp = self?.state.withLock { state in
                guard state.listener != nil else { return false }
                return state.connections.insert(accepted).inserted
            }
            guard isUp == true else { return }
            while self?.answer(accepted) == true {}
            self?.state.withLock { _ = $0.connections.remove(accepted) }
        }
    }

    // MARK: One request

    private func answer(_ socket: CInt) -> Bool {
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual([13, 10, 13, 10]) {
            var byte: UInt8 = 0
            guard head.count < 16384, recv(socket, &byte, 1, 0) == 1 else { return false }
            head.append(byte)
        }
        let lines = String(decoding: head, as: UTF8.self).components(separatedBy: "\r\n")
        let raw = lines[0].components(separatedBy: " ").dropFirst().first ?? ""
        let path = String(raw.dropFirst()).removingPercentEncoding ?? ""
        let (behaviour, isMissing) = state.withLock { state in
            state.requests += 1
            state.underWay += 1
            return (state.behaviour, state.missing.contains(path))
        }
        defer { state.withLock { $0.underWay -= 1 } }
        if case .answers(let status) = behaviour { return refuse(socket, status) }
        guard let content = files[path], !isMissing else { return refuse(socket, 404) }
        var range = 0..<content.count
        var status = "200 OK\r\n"
        if let line = lines.first(where: { $0.lowercased().hasPrefix("range: bytes=") }) {
            let bounds = line.dropFirst("range: bytes=".count).split(separator: "-").compactMap { Int($0) }
            if bounds.count == 2 { range = bounds[0]..<min(content.count, bounds[1] + 1) }
            status =
                "206 Partial Content\r\nContent-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(content.count)\r\n"
        }
        guard Loopback.send(socket, Array("HTTP/1.1 \(status)Content-Length: \(range.count)\r\n\r\n".utf8)) else {
            return false
        }
        var body = Array(content[range])
        switch behaviour {
        case .stalls:
            var byte: UInt8 = 0
            _ = recv(socket, &byte, 1, 0)
            return false
        case .lies: body[body.count / 2] ^= 1
        default: break
        }
        var sent = 0
        while sent < body.count {
            let part = Array(body[sent..<min(body.count, sent + 16_384)])
            guard Loopback.send(socket, part) else { return false }
            sent += part.count
            state.withLock { $0.sent[path, default: 0] += part.count }
            // Asked each time: it may have been told to hurry.
            if case .crawls(let rate) = state.withLock({ $0.behaviour }) {
                if Loopback.isClosed(socket, within: Double(part.count) / Double(rate)) { return false }
            }
        }
        return true
    }

    private func refuse(_ socket: CInt, _ status: Int) -> Bool {
        Loopback.send(socket, Array("HTTP/1.1 \(status) No\r\nContent-Length: 0\r\n\r\n".utf8))
    }
}
