import Testing
import Text
import Tracking

@Suite struct HTTPRequestHeadTests {
    private enum Parsed: Equatable {
        case request(path: String, query: String, keepsAlive: Bool, json: Bool, length: Int)
        case needsMore
        case refused(HTTPRequestHead.HTTPRefusal)
    }

    private func parse(_ bytes: [UInt8]) -> Parsed {
        bytes.withUnsafeBytes { buffer in
            switch HTTPRequestHead.parse(buffer) {
            case .needsMore: .needsMore
            case .refused(let problem): .refused(problem)
            case .request(let head):
                .request(
                    path: String(decoding: head.path, as: UTF8.self),
                    query: String(decoding: head.query, as: UTF8.self),
                    keepsAlive: head.keepsAlive, json: head.acceptsJSON, length: head.length)
            }
        }
    }

    private func parse(_ text: String) -> Parsed { parse(Array(text.utf8)) }

    private let plain = "GET /announce?a=b HTTP/1.1\r\nHost: t\r\nUser-Agent: x\r\n\r\n"

    @Test func `reads path and query`() {
        #expect(
            parse(plain)
                == .request(path: "/announce", query: "a=b", keepsAlive: true, json: false, length: plain.utf8.count))
        #expect(
            parse("GET /?x?y HTTP/1.1\r\nhOsT:\tt \r\n\r\n")
                == .request(path: "/", query: "x?y", keepsAlive: true, json: false, length: 32))
    }

    @Test(arguments: [
        ("http://t/announce?a=b", "/announce", "a=b"),
        ("HTTP://tracker.example:6969/announce?a=b?c", "/announce", "a=b?c"),
        ("https://[2001:db8::1]:443/stats", "/stats", ""), ("http://t", "", ""), ("http://t?a=b", "", "a=b"),
    ])
    func `A target in absolute form is its path and query`(target: String, path: String, query: String) {
        let text = "GET \(target) HTTP/1.1\r\nHost: t\r\n\r\n"
        #expect(
            parse(text)
                == .request(path: path, query: query, keepsAlive: true, json: false, length: text.utf8.count))
    }

    @Test(arguments: [
        ("HEAD", "/x", HTTPRequestHead.Method.head), ("OPTIONS", "/x", .options), ("OPTIONS", "*", .options),
    ])
    func `HEAD and OPTIONS are read`(name: String, target: String, method: HTTPRequestHead.Method) {
        let text = Array("\(name) \(target) HTTP/1.1\r\nHost: t\r\n\r\n".utf8)
        for length in 0..<text.count { #expect(parse(Array(text.prefix(length))) == .needsMore) }
        let isRead = text.withUnsafeBytes { bytes in
            guard case .request(let head) = HTTPRequestHead.parse(bytes) else { return false }
            return head.method == method && head.path.elementsEqual(target.utf8)
        }
        #expect(isRead)
    }

    @Test func `a request in bytes is the same as in one`() {
        let bytes = Array(plain.utf8)
        for length in 0..<bytes.count { #expect(parse(Array(bytes.prefix(length))) == .needsMore) }
        #expect(parse(bytes + bytes) == parse(bytes))
    }

    @Test(arguments: [
        ("HTTP/1.1\r\nHost: t\r\n", true), ("HTTP/1.1\r\nHost: t\r\nConnection: close\r\n", false),
        ("HTTP/1.1\r\nHost: t\r\nConnection: foo , ClOsE\r\n", false), ("HTTP/1.0\r\n", false),
        ("HTTP/1.0\r\nConnection: keep-alive\r\n", true), ("HTTP/1.0\r\nConnection: close, keep-alive\r\n", false),
    ])
    func `connections stay open as the request says`(rest: String, keeps: Bool) {
        guard case .request(_, _, let keepsAlive, _, _) = parse("GET / \(rest)\r\n") else {
            Issue.record("not a request")
            return
        }
        #expect(keepsAlive == keeps)
    }

    @Test func `accept may ask for JSON`() {
        guard
            case .request(_, _, _, true, _) = parse(
                "GET /stats HTTP/1.1\r\nHost: t\r\nAccept: text/html;q=0.1, application/json;q=0.9\r\n\r\n")
        else {
            Issue.record("not JSON")
            return
        }
    }

    @Test(arguments: [
        "POST /announce HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc",
        "get / HTTP/1.1\r\nHost: t\r\n\r\n", "OPTION * HTTP/1.1\r\n", "PUT", "GETS / HTTP/1.1\r\n\r\n",
    ])
    func `other methods are refused`(text: String) {
        #expect(parse(text) == .refused(.methodNotAllowed))
    }

    @Test(arguments: [
        "GET / HTTP/1.1\nHost: t\n\n", "GET / HTTP/1.1\r\nHost: t\n\r\n", "GET /\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: t\r\n\r\n", "GET / HTTP/11\r\nHost: t\r\n\r\n", "GET a HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET http:// HTTP/1.1\r\nHost: t\r\n\r\n", "GET ftp://t/ HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET http:///announce HTTP/1.1\r\nHost: t\r\n\r\n", "GET http://t#/ HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET http://t/ HTTP/1.1\r\n\r\n", "GET * HTTP/1.1\r\nHost: t\r\n\r\n", "HEAD * HTTP/1.1\r\nHost: t\r\n\r\n",
        "OPTIONS t:80 HTTP/1.1\r\nHost: t\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\nx",
        "GET /a b HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET /\u{7f} HTTP/1.1\r\nHost: t\r\n\r\n", "GET /é HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET /\t HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET /\0 HTTP/1.1\r\nHost: t\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: t\r\n folded: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: t\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: t\r\n: empty\r\n\r\n", "GET / HTTP/1.1\r\nHost : t\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: t\r\nA: \0\r\n\r\n", "GET / HTTP/1.1\r\nHost: t\r\nA: x\ry\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello",
        "GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 0, 5\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n", "\r\n\r\n", "\0\0\0\0", "\u{16}\u{3}\u{1}",
        "GET / HTTX/1.1\r\nHost: t\r\n\r\n", "GET / HTTP/1.2\r\nHost: t\r\n\r\n", "/ HTTP/1.1\r\n\r\n",
    ])
    func `what is not a request is refused`(text: String) {
        let result = parse(text)
        #expect(result != .needsMore)
        guard case .request = result else { return }
        Issue.record("taken for a request: \(text.debugDescription)")
    }

    @Test func `another version is said so`() {
        #expect(parse("GET / HTTP/2.0\r\nHost: t\r\n\r\n") == .refused(.versionNotSupported))
    }

    @Test func `a body of nothing is no body`() {
        guard case .request = parse("GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n") else {
            Issue.record("refused")
            return
        }
    }

    @Test func `heads end at eightkibibytes`() {
        let start = "GET / HTTP/1.1\r\nHost: t\r\n"
        func padded(to length: Int) -> [UInt8] {
            let room = length - start.utf8.count - 7
            return Array((start + "A: " + String(repeating: "x", count: room) + "\r\n\r\n").utf8)
        }
        #expect(padded(to: 8192).count == 8192)
        guard case .request = parse(padded(to: 8192)) else {
            Issue.record("8 KiB refused")
            return
        }
        #expect(parse(padded(to: 8193)) == .refused(.headTooLarge))
        #expect(parse(Array(padded(to: 9000).prefix(8191))) == .needsMore)
        #expect(parse([UInt8]("GET /".utf8) + [UInt8](repeating: 0x61, count: 8192)) == .refused(.headTooLarge))
    }

    @Test func `random bytes never trap`() {
        var generator = SeededGenerator(seed: 4)
        let pieces = [
            "GET ", "/", " HTTP/1.1", "\r\n", "\n", "Host: t", ":", "Connection: close", "\0", "?", "HTTP/1.", " ",
        ]
        for _ in 0..<5000 {
            let text = (0..<Int.random(in: 0..<12, using: &generator)).map { _ in
                pieces.randomElement(using: &generator) ?? ""
            }
            _ = parse(text.joined())
        }
    }
}
