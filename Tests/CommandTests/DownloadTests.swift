import Metainfo
import Synchronization
import TestSupport
import Testing

@testable import swoop

@Suite("Torrents from the web")
struct TorrentDownloadTests {
    @Test(.timeLimit(.minutes(1)))
    func `a server that drips is given up at the deadline`() async throws {
        let server = try DrippingServer()
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
    private let listener: TestListener
    private let sent = Mutex(0)

    var port: UInt16 { listener.port }
    var bytesSent: Int { sent.withLock { $0 } }

    init() throws {
        let listener = try TestListener()
        self.listener = listener
        listener.serve { [weak self] client in
            Loopback.send(client, Array("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n".utf8))
            while let self, Loopback.send(client, [0x64]) {
                self.sent.withLock { $0 += 1 }
                if Loopback.isClosed(client, within: 0.02) { return }
            }
        }
    }

    deinit { listener.shutDown() }
}

@Suite("A torrent's URL that leads to a magnet link")
struct MagnetRedirectTests {
    private static let hash = "cab507494d02ebb1178b38f2e9d7be299c86b862"

    private func open(_ answer: String) async throws -> TorrentSource {
        let server = try AnsweringServer(answer)
        defer { withExtendedLifetime(server) {} }
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

/// Gives each client one answer.
private final class AnsweringServer: Sendable {
    private let listener: TestListener
    var port: UInt16 { listener.port }

    init(_ answer: String) throws {
        listener = try TestListener()
        listener.serve { client in
            guard Loopback.receive(client)?.isEmpty == false else { return }
            Loopback.send(client, Array(answer.utf8))
            // Until the client has read it and goes: closing before would reset the connection.
            while let request = Loopback.receive(client), !request.isEmpty {}
        }
    }

    deinit { listener.shutDown() }
}
