import Foundation
import Hashing
import Registry
import RegistryClient
import Synchronization
import TestSupport
import Text

/// A registry in memory that keeps to the OCI distribution API, until a test wants something else of it.
final class FakeRegistry: Sendable {
    struct Request: Sendable {
        let method: String
        let path: String
        let query: String
        let headers: [String: String]
        /// How many of the same method and path came before.
        let number: Int

        var line: String { "\(method) \(path)" }
    }

    enum Fault: Sendable {
        /// The connection breaks after so many bytes of the request's body were taken.
        case breakRequest(after: Int)
        /// The connection breaks after so many bytes of the answer's body.
        case breakAnswer(after: Int)
        /// The answer's body ends there, and the connection stays.
        case silence(after: Int)
        case answer(Int, headers: [String: String] = [:], body: String = "")
        /// This in place of the blob, with its own length.
        case body([UInt8])
        /// Bytes without an end.
        case endless
        case ignoreRange
    }

    struct State: Sendable {
        var blobs: [String: [UInt8]] = [:]
        /// `NAME digest`.
        var owned: Set<String> = []
        var manifests: [String: (type: String, bytes: [UInt8])] = [:]
        var uploads: [String: [UInt8]] = [:]
        var log: [Request] = []
        /// Bytes of uploads that were taken, and of blobs that were given.
        var taken = 0
        var given = 0
        var nextUpload = 0
    }

    let state = Mutex(State())
    private let listener: TestListener
    private let fault: @Sendable (Request) -> Fault?
    private let connections = Mutex<Set<CInt>>([])

    /// - Parameter fault: what is to go wrong with a request.
    init(_ fault: @escaping @Sendable (Request) -> Fault? = { _ in nil }) throws {
        listener = try TestListener()
        self.fault = fault
        listener.serve { [weak self] in self?.serve($0) }
    }

    func stop() {
        listener.shutDown()
        connections.withLock { for connection in $0 { shutdown(connection, CInt(SHUT_RDWR)) } }
    }

    var url: HTTPURL { HTTPURL("http://127.0.0.1:\(listener.port)")! }
    var log: [Request] { state.withLock { $0.log } }
    var taken: Int { state.withLock { $0.taken } }
    var given: Int { state.withLock { $0.given } }

    @discardableResult
    func add(_ blob: [UInt8], to name: String = "team/app") -> BlobDigest {
        let digest = BlobDigest(SHA256.digest(blob))
        state.withLock { state in
            state.blobs["\(digest)"] = blob
            state.owned.insert("\(name) \(digest)")
        }
        return digest
    }

    func put(_ manifest: [UInt8], _ tag: String, _ name: String = "team/app") {
        let digest = BlobDigest(SHA256.digest(manifest))
        state.withLock { state in
            state.manifests["\(name) \(tag)"] = (Manifest.imageType, manifest)
            state.manifests["\(name) \(digest)"] = (Manifest.imageType, manifest)
        }
    }

    func manifest(_ tag: String, _ name: String = "team/app") throws -> Manifest? {
        guard let found = state.withLock({ $0.manifests["\(name) \(tag)"] }) else { return nil }
        return try Manifest(found.bytes, type: found.type)
    }

    // MARK: Connections

    private func serve(_ connection: CInt) {
        connections.withLock { _ = $0.insert(connection) }
        defer { connections.withLock { _ = $0.remove(connection) } }
        var received: [UInt8] = []
        while let request = next(connection, &received) {
            guard answer(request, connection, &received) else { return }
        }
    }

    private func next(_ connection: CInt, _ received: inout [UInt8]) -> Request? {
        let mark = Array("\r\n\r\n".utf8)
        while true {
            if let end = received.firstRange(of: mark)?.upperBound {
                let lines = String(decoding: received[..<end], as: UTF8.self).components(separatedBy: "\r\n")
                received.removeFirst(end)
                let words = lines[0].split(separator: " ")
                let target = String(words[1]).split(separator: "?", maxSplits: 1).map(String.init)
                var headers: [String: String] = [:]
                for line in lines.dropFirst() {
                    let pair = line.split(separator: ":", maxSplits: 1)
                    if pair.count == 2 { headers[pair[0].lowercased()] = pair[1].trimmingCharacters(in: .whitespaces) }
                }
                return state.withLock { state in
                    let (method, path) = (String(words[0]), target[0].removingPercentEncoding ?? target[0])
                    let request = Request(
                        method: method, path: path, query: target.count > 1 ? target[1] : "", headers: headers,
                        number: state.log.count { $0.method == method && $0.path == path })
                    state.log.append(request)
                    return request
                }
            }
            guard let more = Loopback.receive(connection), !more.isEmpty else { return nil }
            received += more
        }
    }

    /// Takes a body part by part; false when the connection is to break, or broke.
    private func body(
        _ request: Request, _ connection: CInt, _ received: inout [UInt8], breakAfter: Int?,
        _ take: ([UInt8]) -> Void
    ) -> Bool {
        var missing = Int(request.headers["content-length"] ?? "0") ?? 0
        var allowed = breakAfter ?? .max
        while missing > 0 {
            if received.isEmpty {
                guard let more = Loopback.receive(connection), !more.isEmpty else { return false }
                received = more
            }
            let part = Array(received.prefix(min(missing, allowed)))
            received.removeFirst(part.count)
            missing -= part.count
            allowed -= part.count
            take(part)
            if allowed == 0 { return false }
        }
        return allowed > 0
    }

    private func answer(_ request: Request, _ connection: CInt, _ received: inout [UInt8]) -> Bool {
        let fault = fault(request)
        var content: [UInt8] = []
        let upload = request.method == "PATCH" ? request.path.split(separator: "/").last.map(String.init) : nil
        var limit: Int?
        if case .breakRequest(let bytes)? = fault { limit = bytes }
        guard
            body(
                request, connection, &received, breakAfter: limit,
                { part in
                    guard let upload else {
                        content += part
                        return
                    }
                    state.withLock { state in
                        state.taken += part.count
                        state.uploads[upload]? += part
                    }
                })
        else { return false }
        if case .answer(let status, let headers, let text)? = fault {
            return send(connection, status, headers, Array(text.utf8), request)
        }
        let (status, headers, body) = respond(request, content)
        let isBlob = request.method == "GET" && request.path.contains("/blobs/sha256:")
        guard isBlob, [200, 206].contains(status) else { return send(connection, status, headers, body, request) }
        return give(request, connection, body, fault)
    }

    private func give(_ request: Request, _ connection: CInt, _ blob: [UInt8], _ fault: Fault?) -> Bool {
        var first = 0
        if let range = request.headers["range"], let text = range.dropFirst(6).split(separator: "-").first {
            first = Int(text) ?? 0
        }
        var body = blob
        if case .body(let other)? = fault { (body, first) = (other, 0) }
        if case .ignoreRange? = fault { first = 0 }
        if case .endless? = fault {
            Loopback.send(connection, Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".utf8))
            let chunk = Array("10000\r\n".utf8) + [UInt8](repeating: 7, count: 65_536) + Array("\r\n".utf8)
            while Loopback.send(connection, chunk) { state.withLock { $0.given += 65_536 } }
            return false
        }
        let part = Array(body[min(first, body.count)...])
        var head = "HTTP/1.1 \(first > 0 ? "206 Partial Content" : "200 OK")\r\nContent-Length: \(part.count)\r\n"
        if first > 0 { head += "Content-Range: bytes \(first)-\(body.count - 1)/\(body.count)\r\n" }
        var allowed = part.count
        if case .breakAnswer(let bytes)? = fault { allowed = min(allowed, bytes) }
        if case .silence(let bytes)? = fault { allowed = min(allowed, bytes) }
        state.withLock { $0.given += allowed }
        guard Loopback.send(connection, Array((head + "\r\n").utf8) + part[..<allowed]) else { return false }
        if case .silence? = fault { return !Loopback.isClosed(connection, within: 60) }
        return allowed == part.count
    }

    private func send(
        _ connection: CInt, _ status: Int, _ headers: [String: String], _ body: [UInt8], _ request: Request
    ) -> Bool {
        var head = "HTTP/1.1 \(status) X\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if headers["Content-Length"] == nil { head += "Content-Length: \(body.count)\r\n" }
        return Loopback.send(connection, Array((head + "\r\n").utf8) + (request.method == "HEAD" ? [] : body))
    }

    // MARK: The API

    private typealias Answer = (status: Int, headers: [String: String], body: [UInt8])

    private func respond(_ request: Request, _ content: [UInt8]) -> Answer {
        let parts = request.path.split(separator: "/").map(String.init)
        guard parts.first == "v2" else { return (404, [:], []) }
        return state.withLock { state in
            if let at = parts.firstIndex(of: "uploads") {
                return uploads(request, Array(parts[1..<at - 1]).joined(separator: "/"), parts, content, &state)
            }
            if let at = parts.firstIndex(of: "blobs") {
                let key = "\(parts[1..<at].joined(separator: "/")) \(parts[at + 1])"
                guard state.owned.contains(key), let blob = state.blobs[parts[at + 1]] else { return (404, [:], []) }
                return (200, request.method == "HEAD" ? ["Content-Length": "\(blob.count)"] : [:], blob)
            }
            if let at = parts.firstIndex(of: "manifests") {
                let key = "\(parts[1..<at].joined(separator: "/")) \(parts[at + 1])"
                if request.method == "PUT" {
                    state.manifests[key] = (request.headers["content-type"] ?? "", content)
                    return (201, [:], [])
                }
                guard let found = state.manifests[key] else { return (404, [:], []) }
                return (
                    200,
                    [
                        "Content-Type": found.type, "Content-Length": "\(found.bytes.count)",
                        "Docker-Content-Digest": "\(BlobDigest(SHA256.digest(found.bytes)))",
                    ], found.bytes
                )
            }
            if parts.last == "list" {
                let name = parts[1..<(parts.count - 2)].joined(separator: "/") + " "
                let tags = state.manifests.keys.filter { $0.hasPrefix(name) && !$0.contains("sha256:") }
                    .map { $0.dropFirst(name.count) }.sorted()
                guard !tags.isEmpty else { return (404, [:], []) }
                let list = tags.map { "\"\($0)\"" }.joined(separator: ",")
                return (200, [:], Array("{\"name\":\"x\",\"tags\":[\(list)]}".utf8))
            }
            return (404, [:], [])
        }
    }

    private func uploads(
        _ request: Request, _ name: String, _ parts: [String], _ content: [UInt8], _ state: inout State
    ) -> Answer {
        let query = Dictionary(
            request.query.split(separator: "&").map { pair in
                let words = pair.split(separator: "=", maxSplits: 1).map(String.init)
                return (words[0], (words.count > 1 ? words[1] : "").removingPercentEncoding ?? "")
            }
        ) { first, _ in first }
        func session(_ id: String) -> [String: String] {
            let count = state.uploads[id]?.count ?? 0
            return ["Location": "/v2/\(name)/blobs/uploads/\(id)", "Range": "0-\(max(0, count - 1))"]
        }
        func store(_ bytes: [UInt8], _ digest: String) -> Answer {
            guard "\(BlobDigest(SHA256.digest(bytes)))" == digest else {
                return (400, [:], Array(#"{"errors":[{"code":"DIGEST_INVALID","message":"other bytes"}]}"#.utf8))
            }
            state.blobs[digest] = bytes
            state.owned.insert("\(name) \(digest)")
            return (201, [:], [])
        }
        if request.method == "POST" {
            if let digest = query["mount"], state.blobs[digest] != nil {
                state.owned.insert("\(name) \(digest)")
                return (201, [:], [])
            }
            if let digest = query["digest"] { return store(content, digest) }
            state.nextUpload += 1
            let id = "u\(state.nextUpload)"
            state.uploads[id] = []
            return (202, session(id), [])
        }
        guard let id = parts.last, let bytes = state.uploads[id] else { return (404, [:], []) }
        switch request.method {
        case "PATCH": return (202, session(id), [])
        case "GET": return (204, session(id), [])
        case "DELETE":
            state.uploads[id] = nil
            return (204, [:], [])
        default:
            state.uploads[id] = nil
            return store(bytes + content, query["digest"] ?? "")
        }
    }
}
