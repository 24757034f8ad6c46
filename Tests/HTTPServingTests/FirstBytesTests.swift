import HTTPServing
import NIOCore
import Testing

@Suite("What a connection must have said before anything is made for it")
struct FirstBytesTests {
    /// After how many bytes, one at a time, nothing more is waited for; nil when it never is.
    private func bytes(_ kind: FirstBytes.Kind, _ input: [UInt8], limit: Int = 64) -> Int? {
        var first = FirstBytes(kind, limit: limit)
        for (index, byte) in input.enumerated() where first.append(ByteBuffer(bytes: [byte])) {
            #expect(Array(first.buffer.readableBytesView) == Array(input.prefix(index + 1)))
            return index + 1
        }
        return nil
    }

    private func head(_ text: String, limit: Int = 64) -> Int? { bytes(.head, Array(text.utf8), limit: limit) }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.0\n\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PUT /x HTTP/1.1\nA:b\n\r\n",
    ])
    func `a head is complete with its empty line, whatever pieces it comes in`(text: String) {
        #expect(head(text) == text.utf8.count)
        for cut in 1..<text.utf8.count {
            var first = FirstBytes(.head, limit: 64)
            let steps = [
                first.append(ByteBuffer(bytes: text.utf8.prefix(cut))),
                first.append(ByteBuffer(bytes: text.utf8.dropFirst(cut))),
            ]
            #expect(steps == [false, true], "cut at \(cut)")
        }
    }

    @Test func `a body that came along is kept`() {
        var first = FirstBytes(.head, limit: 1_000)
        let text = "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"
        let isEnough = first.append(ByteBuffer(string: text))
        #expect(isEnough)
        #expect(String(buffer: first.buffer) == text)
    }

    @Test func `an unfinished head is waited for until there is too much of it`() {
        #expect(head("GET / HTTP/1.1\r\nHost: a\r\n") == nil)
        #expect(head("GET /" + String(repeating: "a", count: 100)) == 64)
    }

    @Test(arguments: [("\u{16}\u{3}", 1), ("\r\nGET", 1), ("get", 1), ("SSH-2.0-x\r\nmore", 11), ("GET /\r\nmore", 7)])
    func `what is no request is told so at once`(text: String, after: Int) { #expect(head(text) == after) }

    @Test func `a record of TLS is complete with the bytes it announces`() {
        let record: [UInt8] = [22, 3, 1, 0, 4, 1, 2, 3, 4]
        #expect(bytes(.tlsRecord, record) == 9)
        #expect(bytes(.tlsRecord, Array(record.dropLast())) == nil)
        #expect(bytes(.tlsRecord, Array("GET / HTTP/1.1\r\n\r\n".utf8)) == 1)
        #expect(bytes(.tlsRecord, [22, 3, 1, 255, 255] + [UInt8](repeating: 0, count: 100)) == 64)
    }

    @Test func `any bytes are judged alike whole and in pieces`() {
        var random = SystemRandomNumberGenerator()
        let words = ["GET ", "/ ", "HTTP/1.1", "\r\n", "\n", "A: b", "\u{16}", "\u{3}\u{1}\0\u{3}", "abc"].map {
            Array($0.utf8)
        }
        for _ in 0..<5_000 {
            let input = (0..<Int.random(in: 1...8, using: &random)).flatMap { _ in words.randomElement(using: &random)!
            }
            for kind in [FirstBytes.Kind.head, .tlsRecord] {
                var whole = FirstBytes(kind, limit: 1_000)
                let isEnough = whole.append(ByteBuffer(bytes: input))
                #expect((bytes(kind, input, limit: 1_000) != nil) == isEnough, "\(input)")
            }
        }
    }
}
