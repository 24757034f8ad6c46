import Glibc
import Metainfo
import Synchronization
import Testing

@testable import swoop

@Suite("Torrents from the web")
struct TorrentDownloadTests {
    @Test(.timeLimit(.minutes(1)))
    func `a server that drips is given up at the deadline`() async throws {
        let server = try DrippingServer()
        let serving = Task { await server.serve() }
        defer { serving.cancel() }
        let begin = ContinuousClock.now
        let failure = await #expect(throws: Failure.self) {
            try await TorrentDownload.fetch("http://127.0.0.1:\(server.port)/t.torrent", within: .milliseconds(500))
        }
        #expect(failure?.status == .failed)
        #expect(failure?.advice.isEmpty == false)
        #expect(ContinuousClock.now - begin < .seconds(20))
        #expect(server.bytesSent > 0)
    }
}

/// Promises a body of a gigabyte and sends a byte of it every few milliseconds, for ever.
private final class DrippingServer: Sendable {
    let port: UInt16
    private let listener: Int32
    private let sent = Mutex(0)

    var bytesSent: Int { sent.withLock { $0 } }

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 4) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isListening else { throw Failure(.failed, "cannot listen: errno \(errno)") }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
    }

    /// Serves one client for as long as that stays.
    func serve() async {
        defer { close(listener) }
        var client: Int32 = -1
        while client < 0, !Task.isCancelled {
            client = accept(listener, nil, nil)
            try? await Task.sleep(for: .milliseconds(5))
        }
        guard client >= 0 else { return }
        defer { close(client) }
        let head = Array("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n".utf8)
        guard send(client, head, head.count, Int32(MSG_NOSIGNAL)) == head.count else { return }
        while send(client, [0x64], 1, Int32(MSG_NOSIGNAL)) == 1 {
            sent.withLock { $0 += 1 }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}

@Suite("A torrent's URL that leads to a magnet link")
struct MagnetRedirectTests {
    private static let hash = "cab507494d02ebb1178b38f2e9d7be299c86b862"

    private func open(_ answer: String) async throws -> TorrentSource {
        let server = try AnsweringServer(answer)
        let serving = Task { await server.serve() }
        defer { serving.cancel() }
        return try await TorrentSource.open("http://127.0.0.1:\(server.port)/film.torrent")
    }

    @Test(.timeLimit(.minutes(1)), arguments: [301, 302, 303, 307, 308])
    func `the link is followed as one given by hand is`(_ status: Int) async throws {
        let link = "MAGNET:?xt=urn:btih:\(Self.hash)&dn=film&tr=http://t/announce"
        let source = try await open("HTTP/1.1 \(status) Found\r\nLocation: \(link)\r\nContent-Length: 0\r\n\r\n")
        guard case .magnet(let magnet) = source else { return #expect(Bool(false), "not a magnet") }
        #expect(magnet == (try Magnet.parse(link)))
    }

    @Test(.timeLimit(.minutes(1)))
    func `a link without a hash is said to be the server's fault`() async throws {
        let failure = await #expect(throws: Failure.self) {
            try await open("HTTP/1.1 302 Found\r\nLocation: magnet:?dn=film\r\nContent-Length: 0\r\n\r\n")
        }
        #expect(failure?.status == .failed)
        #expect(failure?.message.contains("127.0.0.1 redirects to a magnet link") == true)
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: ["file:///etc/passwd", "ftp://h/f", "x:y"])
    func `other schemes are not followed`(_ location: String) async throws {
        let failure = await #expect(throws: Failure.self) {
            try await open("HTTP/1.1 302 Found\r\nLocation: \(location)\r\nContent-Length: 0\r\n\r\n")
        }
        #expect(failure?.status == .failed)
    }
}

/// Gives one client one answer.
private final class AnsweringServer: Sendable {
    let port: UInt16
    private let listener: Int32
    private let answer: [UInt8]

    init(_ answer: String) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 4) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isListening else { throw Failure(.failed, "cannot listen: errno \(errno)") }
        self.listener = listener
        self.answer = Array(answer.utf8)
        port = UInt16(bigEndian: address.sin_port)
    }

    func serve() async {
        defer { close(listener) }
        var client: Int32 = -1
        while client < 0, !Task.isCancelled {
            client = accept(listener, nil, nil)
            try? await Task.sleep(for: .milliseconds(5))
        }
        guard client >= 0 else { return }
        defer { close(client) }
        _ = send(client, answer, answer.count, Int32(MSG_NOSIGNAL))
        // Until the client has read it and goes: closing before would reset the connection.
        var request = [UInt8](repeating: 0, count: 4096)
        while recv(client, &request, request.count, 0) != 0, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(5))
        }
    }
}
