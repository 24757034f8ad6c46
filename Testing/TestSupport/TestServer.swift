import Foundation
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// What the nodes of a test talk to: a web server with ranges for `/dcp/`, a tracker at `/announce`, a small object
/// store at `/BUCKET/KEY`, and a place for callbacks. On a port of its own; a thread for each connection.
package final class TestServer: Sendable {
    package struct Request: Sendable {
        package var method = ""
        package var path = ""
        package var query: [String: String] = [:]
        package var headers: [String: String] = [:]
        package var body: [UInt8] = []
    }

    package struct State: Sendable {
        /// Files of `/dcp/` lie below this directory.
        package var root = ""
        /// By `BUCKET/KEY`.
        package var objects: [String: [UInt8]] = [:]
        package var peers: [String: Set<UInt16>] = [:]
        package var callbacks: [String] = []
        /// The headers of each.
        package var callbackHeaders: [[String: String]] = []
        /// Paths that begin so are answered with this status.
        package var refused: [String: Int] = [:]
        /// How often that was done, by the path of the request.
        package var refusals: [String: Int] = [:]
        /// Bytes of bodies sent, by the first component of the path.
        package var sent: [String: Int] = [:]
        /// Bytes a second of each body; nil for as fast as it goes.
        package var rate: Int?
        /// Bodies that are being sent.
        package var underWay = 0
        /// Whether objects are given only to whoever signs the request, in a header or in the query.
        package var wantsSignature = false
        /// Requests for objects by how they were signed: `header`, `query`, `none`.
        package var signatures: [String: Int] = [:]
    }

    package let state = Mutex(State())
    package var port: UInt16 { listener.port }
    private let listener: TestListener

    package init(root: String = "") throws {
        listener = try TestListener()
        state.withLock { $0.root = root }
        listener.serve { [weak self] in self?.serve($0) }
    }

    deinit { stop() }

    package func stop() { listener.shutDown() }

    package var url: String { "http://127.0.0.1:\(port)" }
    package var isSending: Bool { state.withLock { $0.underWay > 0 } }
    package func sent(_ place: String) -> Int { state.withLock { $0.sent[place] ?? 0 } }

    private func serve(_ connection: Int32) {
        var one: Int32 = 1
        setsockopt(connection, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        var buffer: [UInt8] = []
        while let request = read(connection, &buffer) {
            if !answer(request, connection) { return }
        }
    }

    private func read(_ connection: Int32, _ buffer: inout [UInt8]) -> Request? {
        func fill() -> Bool {
            guard let block = Loopback.receive(connection), !block.isEmpty else { return false }
            buffer += block
            return true
        }
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let head = buffer.firstRange(of: end) {
                let lines = String(decoding: buffer[..<head.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
                var request = Request()
                let words = lines[0].split(separator: " ")
                guard words.count == 3 else { return nil }
                request.method = String(words[0])
                let parts = words[1].split(separator: "?", maxSplits: 1).map(String.init)
                request.path = parts[0].removingPercentEncoding ?? parts[0]
                if parts.count > 1 {
                    for pair in parts[1].split(separator: "&") {
                        let both = pair.split(separator: "=", maxSplits: 1).map(String.init)
                        request.query[both[0]] = both.count > 1 ? both[1] : ""
                    }
                }
                for line in lines.dropFirst() {
                    guard let colon = line.firstIndex(of: ":") else { continue }
                    request.headers[line[..<colon].lowercased()] =
                        line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
                }
                buffer.removeSubrange(..<head.upperBound)
                let length = Int(request.headers["content-length"] ?? "0") ?? 0
                while buffer.count < length { guard fill() else { return nil } }
                request.body = Array(buffer[..<length])
                buffer.removeFirst(length)
                return request
            }
            guard fill() else { return nil }
        }
    }

    private func answer(_ request: Request, _ connection: Int32) -> Bool {
        let refused = state.withLock { state in
            let status = state.refused.first { request.path.hasPrefix($0.key) }?.value
            if status != nil { state.refusals[request.path, default: 0] += 1 }
            return status
        }
        if let refused { return send(connection, refused, [], "", request) }
        let first = request.path.split(separator: "/").first.map(String.init) ?? ""
        switch first {
        case "announce": return announce(request, connection)
        case "callback":
            state.withLock {
                $0.callbacks.append(String(decoding: request.body, as: UTF8.self))
                $0.callbackHeaders.append(request.headers)
            }
            return send(connection, 200, [], "", request)
        case "dcp":
            let root = state.withLock { $0.root }
            guard let data = FileManager.default.contents(atPath: root + request.path.dropFirst(4)) else {
                return send(connection, 404, [], "", request)
            }
            return body(Array(data), request, connection, place: request.path.hasSuffix(".torrent") ? "torrent" : "dcp")
        default: return store(request, connection)
        }
    }

    private func announce(_ request: Request, _ connection: Int32) -> Bool {
        let hash = request.query["info_hash"] ?? ""
        let port = UInt16(request.query["port"] ?? "") ?? 0
        let others = state.withLock { state in
            let others = (state.peers[hash] ?? []).subtracting([port])
            if request.query["event"] == "stopped" {
                state.peers[hash]?.remove(port)
            } else {
                state.peers[hash, default: []].insert(port)
            }
            return others
        }
        var bytes = Array("d8:intervali2e12:min intervali1e5:peers\(others.count * 6):".utf8)
        for other in others { bytes += [127, 0, 0, 1, UInt8(other >> 8), UInt8(other & 255)] }
        return send(connection, 200, bytes + Array("e".utf8), "", request)
    }

    private func store(_ request: Request, _ connection: Int32) -> Bool {
        let key = String(request.path.dropFirst())
        let manner =
            request.headers["authorization"] != nil
            ? "header" : request.query["X-Amz-Signature"] != nil ? "query" : "none"
        let isRefused = state.withLock { state in
            state.signatures[manner, default: 0] += 1
            return state.wantsSignature && manner == "none"
        }
        if isRefused { return send(connection, 403, [], "", request) }
        if request.method == "PUT" {
            state.withLock { $0.objects[key] = request.body }
            return send(connection, 200, [], "ETag: \"e\(request.body.count)\"\r\n", request)
        }
        if request.query["list-type"] != nil || request.query["prefix"] != nil {
            let prefix = key + (key.hasSuffix("/") ? "" : "/")
            let wanted = (request.query["prefix"] ?? "").removingPercentEncoding ?? ""
            let objects = state.withLock { $0.objects }.filter { $0.key.hasPrefix(prefix + wanted) }
            var text = "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>false</IsTruncated>"
            for (name, bytes) in objects.sorted(by: { $0.key < $1.key }) {
                text += "<Contents><Key>\(name.dropFirst(prefix.count))</Key><Size>\(bytes.count)</Size>"
                text +=
                    "<ETag>\"e\(bytes.count)\"</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            }
            return send(connection, 200, Array((text + "</ListBucketResult>").utf8), "", request)
        }
        guard let object = state.withLock({ $0.objects[key] }) else { return send(connection, 404, [], "", request) }
        return body(object, request, connection, place: "store")
    }

    private func body(_ data: [UInt8], _ request: Request, _ connection: Int32, place: String) -> Bool {
        var part = data[...]
        var status = 200
        var headers = "Accept-Ranges: bytes\r\nETag: \"e\(data.count)\"\r\n"
        if let range = request.headers["range"], range.hasPrefix("bytes=") {
            let ends = range.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            let from = ends[0] ?? 0
            let to = min(ends.count > 1 ? ends[1] ?? data.count - 1 : data.count - 1, data.count - 1)
            guard from <= to else { return send(connection, 416, [], "", request) }
            part = data[from...to]
            status = 206
            headers += "Content-Range: bytes \(from)-\(to)/\(data.count)\r\n"
        }
        if request.method != "HEAD" { state.withLock { $0.sent[place, default: 0] += part.count } }
        return send(connection, status, part, headers, request, isLimited: place != "torrent")
    }

    private func send(
        _ connection: Int32, _ status: Int, _ body: some Collection<UInt8>, _ headers: String, _ request: Request,
        isLimited: Bool = false
    ) -> Bool {
        let head = "HTTP/1.1 \(status) X\r\nContent-Length: \(body.count)\r\n\(headers)\r\n"
        guard Loopback.send(connection, Array(head.utf8)) else { return false }
        if request.method == "HEAD" { return true }
        let rate = isLimited ? state.withLock { $0.rate } : nil
        state.withLock { $0.underWay += 1 }
        defer { state.withLock { $0.underWay -= 1 } }
        guard let rate else { return Loopback.send(connection, Array(body)) }
        var rest = Array(body)[...]
        while !rest.isEmpty {
            guard Loopback.send(connection, rest.prefix(max(1, rate / 20))) else { return false }
            rest = rest.dropFirst(max(1, rate / 20))
            if Loopback.isClosed(connection, within: 0.05) { return false }
        }
        return true
    }
}
