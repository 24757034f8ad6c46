import Address
import Glibc
import Reactor
import Testing
import TrackerServer
import Tracking

/// A blocking socket with a deadline on every wait, to talk to a tracker byte by byte.
final class Client {
    enum Kind { case http, udp }

    let descriptor: Int32

    init(_ kind: Kind, _ server: PeerAddress, seconds: Int = 5) throws {
        let type = Int32(kind == .http ? SOCK_STREAM.rawValue : SOCK_DGRAM.rawValue)
        descriptor = socket(server.family == .ipv4 ? AF_INET : AF_INET6, type, 0)
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        try #require(server.withKernelAddress { connect(descriptor, $0, $1) } == 0)
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) {
        _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    /// One read; empty at the end of the stream, nil when nothing came in time or the connection was reset.
    func receive() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count < 0 ? nil : Array(buffer[..<count])
    }

    /// Reads to the end of the stream.
    func receiveAll() -> String {
        var all: [UInt8] = []
        while let bytes = receive(), !bytes.isEmpty { all += bytes }
        return String(decoding: all, as: Unicode.ASCII.self)
    }

    /// Reads until the text has `mark` so many times.
    func receive(until mark: String, times: Int = 1) -> String {
        var all: [UInt8] = []
        var text = ""
        while text.ranges(of: mark).count < times, let bytes = receive(), !bytes.isEmpty {
            all += bytes
            text = String(decoding: all, as: Unicode.ASCII.self)
        }
        return text
    }
}

/// A tracker on free ports of loopback, stopped at the end of `body`.
func withTracker(
    _ change: (inout TrackerConfiguration) -> Void = { _ in }, _ body: (TrackerServer, PeerAddress) async throws -> Void
) async throws {
    let loopback = PeerAddress(ipv4: 0x7f00_0001, port: 0)
    var configuration = TrackerConfiguration(http: [loopback], udp: [loopback])
    change(&configuration)
    let server = try TrackerServer(configuration: configuration)
    server.start()
    do {
        try await body(server, server.boundAddresses.http.first ?? server.boundAddresses.udp[0])
    } catch {
        await server.stop()
        throw error
    }
    await server.stop()
}

let hashText = "%01%02%03%04%05%06%07%08%09%0A%0b%0c%0d%0e%0f%10%11%12%13%14"

func target(port: Int, left: Int = 1, _ more: String = "") -> String {
    "/announce?info_hash=\(hashText)&peer_id=-SW0001-abcdefghijkl&port=\(port)&left=\(left)\(more)"
}

func get(_ server: PeerAddress, _ target: String, headers: String = "") throws -> String {
    let client = try Client(.http, server)
    client.send("GET \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\(headers)\r\n")
    return client.receiveAll()
}

func body(_ answer: String) -> String {
    answer.firstRange(of: "\r\n\r\n").map { String(answer[$0.upperBound...]) } ?? ""
}

extension String {
    /// What follows each occurrence of `mark`.
    func components(before mark: String) -> [String] { split(separator: mark).map(String.init) }
}
