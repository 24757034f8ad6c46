import Glibc
import Tracking

/// A request for a blob's torrent, by Kraken's path.
struct MetainfoCall: Sendable {
    let request: MetainfoRequest
    let keepsAlive: Bool
    let isVersion10: Bool
    var descriptor: Int32 = -1
    var serial: UInt64 = 0

    init(_ head: HTTPRequestHead) {
        request = MetainfoRequest(
            path: String(decoding: head.path, as: UTF8.self),
            authorization: head.authorization.map { String(decoding: $0, as: UTF8.self) })
        keepsAlive = head.keepsAlive
        isVersion10 = head.isVersion10
    }
}

/// Torrents of blobs, which the tracker has from an origin.
extension TrackerLoop {
    /// Most requests that wait for an origin.
    private var mostMetainfoCalls: Int { 64 }

    func isMetainfo(_ path: UnsafeRawBufferPointer) -> Bool {
        path.starts(with: "/namespace/".utf8) && path.reversed().starts(with: "/metainfo".utf8.reversed())
    }

    /// Asks an origin for a connection in the table, which waits.
    func begin(_ call: MetainfoCall, on descriptor: Int32) {
        var call = call
        (call.descriptor, call.serial) = (descriptor, connections[descriptor].serial)
        guard let origins = configuration.origins, metainfoCalls < mostMetainfoCalls else {
            metainfoCalls += 1
            return finish(call, .unavailable)
        }
        metainfoCalls += 1
        let (mailbox, question) = (mailbox, call)
        Task { mailbox.post(.metainfo(question, await origins.metainfo(question.request))) }
    }

    /// An origin has answered.
    func finish(_ call: MetainfoCall, _ answer: MetainfoAnswer) {
        metainfoCalls -= 1
        guard connections.isOpen(call.descriptor), connections[call.descriptor].serial == call.serial,
            connections[call.descriptor].isWaiting
        else { return }
        var status = "200 OK"
        var fields = "Content-Type: application/x-bittorrent\r\n"
        var body: [UInt8]
        switch answer {
        case .torrent(let bytes): body = bytes
        case .fetching(let progress):
            status = "202 Accepted"
            fields = "Content-Type: application/json\r\nRetry-After: 1\r\n"
            body = progress
        case .refused(let code, let text):
            status = "\(min(599, max(400, code))) Refused"
            fields = "Content-Type: text/plain; charset=utf-8\r\n"
            body = Array(text.utf8)
        case .unavailable:
            status = "503 Service Unavailable"
            fields = "Content-Type: text/plain; charset=utf-8\r\nRetry-After: 5\r\n"
            body = Array("503: no origin answers\n".utf8)
        }
        if !call.keepsAlive {
            fields += "Connection: close\r\n"
        } else if call.isVersion10 {
            fields += "Connection: keep-alive\r\n"
        }
        let head = "HTTP/1.1 \(status)\r\n\(fields)Content-Length: \(body.count)\r\n\r\n"
        body.insert(contentsOf: head.utf8, at: 0)
        body.withUnsafeBytes { resume(call.descriptor, $0, closes: !call.keepsAlive) }
    }
}
