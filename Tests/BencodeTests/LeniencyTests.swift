import Bencode
import Testing

@Suite("A lenient reading of bencode") struct LeniencyTests {
    private func decode(_ text: String, _ leniency: BencodeLeniency) throws(BencodeError) -> BencodeValue {
        try Bencode.decode(Array(text.utf8), limits: .trackerAnswer, leniency: leniency)
    }

    private func code(_ text: String, _ leniency: BencodeLeniency) -> BencodeError.Code? {
        do {
            _ = try decode(text, leniency)
            return nil
        } catch {
            return error.code
        }
    }

    @Test(arguments: ["de\n", "de\r\n", "\r\nde", " de \t\0"])
    func `forgives blanks around the value, and only where that is named`(text: String) throws {
        #expect(try decode(text, .blanksAround) == [:])
        #expect(code(text, []) != nil)
        #expect(code(text + "x", .blanksAround) == .trailingBytes)
        #expect(code("d1:a\n1:be", .blanksAround) != nil)
    }

    @Test func `forgives bytes behind the value`() throws {
        #expect(try decode("de<!-- 3 ms -->", .anythingBehind) == [:])
        #expect(code("<!-- -->de", .everything) == .unexpectedByte)
    }

    @Test(arguments: ["d1:ai1e1:ai2e1:bi3ee", "d1:ai1e1:bi3e1:ai2ee", "d1:bi3e1:ai1e1:ai2ee"])
    func `takes the first of a key that comes twice`(text: String) throws {
        #expect(try decode(text, .repeatedKeys) == ["a": 1, "b": 3])
        #expect(code(text, [.blanksAround, .anythingBehind, .looseIntegers, .cutOff]) == .duplicateKey)
    }

    @Test(arguments: [
        ("i01e", 1), ("i-0e", 0), ("i-007e", -7), ("ie", 0), ("i-e", 0), ("i1800.5e", 1800),
        ("i9223372036854775808e", Int64.max), ("i-99999999999999999999999999e", Int64.min),
        ("i99999999999999999999999999999999999999999999e", Int64.max),
    ]) func `reads numbers that are not written as they should be`(text: String, value: Int64) throws {
        #expect(try decode(text, .looseIntegers) == .integer(value))
        #expect(code(text, []) != nil)
    }

    @Test func `reads lengths with leading zeros`() throws {
        #expect(try decode("03:abc", .looseIntegers) == "abc")
        #expect(code("00000000000000000000000000003:abc", .looseIntegers) == .lengthPastEnd)
    }

    private static let cut: [(String, BencodeValue)] = [
        ("d1:ai1e1:b5:xyz", ["a": 1, "b": "xyz"]), ("d1:ai1e1:b", ["a": 1]), ("d1:ai1e5:b", ["a": 1]),
        ("d1:ali1ei2", ["a": [1]]), ("d1:ai1ei5ei6ee", ["a": 1]), ("d1:ai1e1:bx", ["a": 1]), ("d", [:]),
        ("ld1:ai1e", [["a": 1]]),
    ]

    @Test(arguments: cut) func `keeps what stood before the place where the input ends or goes wrong`(
        text: String, value: BencodeValue
    ) throws {
        #expect(try decode(text, .cutOff) == value)
        #expect(code(text, [.blanksAround, .anythingBehind, .repeatedKeys]) != nil)
    }

    @Test func `is bounded as a strict one is`() {
        let limits = BencodeLimits(maxBytes: 1000, maxTokens: 20, maxDepth: 5)
        func code(_ text: String) -> BencodeError.Code? {
            do {
                _ = try Bencode.decode(Array(text.utf8), limits: limits, leniency: .everything)
                return nil
            } catch {
                return error.code
            }
        }
        #expect(code(String(repeating: "l", count: 6)) == .tooDeep)
        #expect(code(String(repeating: "d1:a", count: 6)) == .tooDeep)
        #expect(code("l" + String(repeating: "i1e", count: 20)) == .tooManyTokens)
        #expect(code("l" + String(repeating: "0:", count: 500)) == .tooLarge)
    }

    @Test func `traps at no bytes, and takes whatever a strict one takes for the same value`() {
        var random = SystemRandomNumberGenerator()
        let alphabet = Array("dlie0123456789:-.ab\n".utf8)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0..<24, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            let lenient = try? Bencode.decode(bytes, limits: .message, leniency: .everything)
            if let strict = try? Bencode.decode(bytes, limits: .message) { #expect(lenient == strict) }
            if let lenient { #expect((try? Bencode.decode(Bencode.encode(lenient), limits: .message)) == lenient) }
        }
    }
}
