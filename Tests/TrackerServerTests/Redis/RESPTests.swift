import Testing

import TrackerRedis

@Suite struct RESPTests {
    private func length(_ text: String) throws -> Int? { try length(Array(text.utf8)) }

    private func length(_ bytes: [UInt8]) throws -> Int? {
        try bytes.withUnsafeBytes { bytes in try RESPReader.replyLength(bytes) }
    }

    @Test func `A reply is as long as its parts`() throws {
        for text in [
            "+OK\r\n", "-ERR no\r\n", ":-12\r\n", "$3\r\nabc\r\n", "$-1\r\n", "*2\r\n:1\r\n*1\r\n$0\r\n\r\n", "*0\r\n",
        ] {
            #expect(try length(text) == text.utf8.count)
            #expect(try length(text + "+next\r\n") == text.utf8.count)
            for end in 0..<text.utf8.count { #expect(try length(Array(text.utf8.prefix(end))) == nil) }
        }
    }

    @Test func `What is no reply is refused before anything waits for its end`() throws {
        for text in [
            "hello", "$5x\r\n", "$-2\r\n", "$99999999999999999999\r\n", "$65537\r\n", "*4097\r\n", ":\r\n", ":-\r\n",
            "$3\r\nabcd\r\n", "+a\rb\r\n", "+" + String(repeating: "x", count: 5000),
        ] {
            #expect(throws: RESPReader.Malformed.self, "\(text.prefix(20))") { try length(text) }
        }
    }

    @Test func `Lists in lists do not pass the bound on one reply`() {
        #expect(throws: RESPReader.Malformed.self) {
            try length(String(repeating: "*4096\r\n", count: 10))
        }
    }

    @Test func `Commands are written as lists of strings`() {
        var writer = RESPWriter()
        writer.command(3)
        writer.word("SET")
        writer.word(Array("key".utf8))
        writer.word(decimal: 1200)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$4\r\n1200\r\n")
        writer.drop(4)
        #expect(String(decoding: writer.bytes, as: UTF8.self).hasPrefix("$3\r\nSET"))
        writer.drop(1000)
        #expect(writer.isEmpty)
    }
}
