import Bencode
import Testing

@Suite struct DecodeTests {
    private func decode(_ text: String, _ limits: BencodeLimits = .metainfo) throws(BencodeError) -> BencodeValue {
        try Bencode.decode(Array(text.utf8), limits: limits)
    }

    private func code(_ text: String, _ limits: BencodeLimits = .metainfo) -> BencodeError.Code? {
        do {
            _ = try decode(text, limits)
            return nil
        } catch { return error.code }
    }

    @Test func `a value of each kind comes back`() throws {
        #expect(try decode("d1:ai-7e1:bl4:spamdee1:c0:e") == ["a": -7, "b": ["spam", [:]], "c": ""])
        #expect(try decode("i0e").integerValue == 0)
        #expect(try decode("3:abc").stringValue == "abc")
        #expect(try decode("le").listValue == [])
        #expect(try decode("de").dictionaryValue?.isEmpty == true)
    }

    @Test func `the whole range of 64 bit integers is read`() throws {
        #expect(try decode("i9223372036854775807e").integerValue == .max)
        #expect(try decode("i-9223372036854775808e").integerValue == .min)
    }

    @Test(arguments: [
        "i9223372036854775808e", "i-9223372036854775809e", "i18446744073709551616e",
        "i99999999999999999999999999999999999999999e",
    ])
    func `an integer outside 64 bits is refused`(_ text: String) { #expect(code(text) == .integerOutOfRange) }

    @Test(arguments: ["i-0e", "i00e", "i03e", "i-03e", "ie", "i-e", "i--1e", "i1-e", "i 1e", "i+1e", "i1.5e", "i0x1e"])
    func `a malformed integer is refused`(_ text: String) { #expect(code(text) == .badInteger) }

    @Test(arguments: ["03:abc", "00:", "1-:a", "3abc", "1 :a"])
    func `a malformed string length is refused`(_ text: String) { #expect(code(text) == .badLength) }

    @Test(arguments: [
        "4:abc", "1:", "99999999999999999999:a", "9223372036854775807:a", "18446744073709551615:a", "2147483647:a",
    ])
    func `a string longer than the input is refused`(_ text: String) { #expect(code(text) == .lengthPastEnd) }

    @Test func `negative string length is refused`() { #expect(code("-1:a") == .unexpectedByte) }

    @Test(arguments: ["", "i", "i1", "l", "d", "d1:a", "d1:ai1e", "1", "li1e", "d1:al"])
    func `input that ends too soon is refused`(_ text: String) { #expect(code(text) == .truncated) }

    @Test(arguments: ["d1:ai1e1:ai2ee", "d1:ai1e1:bi2e1:ai3ee"])
    func `a key given twice is refused however far apart`(_ text: String) { #expect(code(text) == .duplicateKey) }

    @Test func `keys out of order are sorted or refused as the limits say`() throws {
        let text = "d1:bi1e1:ai2ee"
        let dictionary = try #require(try decode(text).dictionaryValue)
        #expect(dictionary.keys == ["a", "b"])
        #expect(!dictionary.keysWereSorted)
        #expect(try decode("d1:ai1e1:bi2ee").dictionaryValue?.keysWereSorted == true)
        let strict = BencodeLimits(maxBytes: 100, maxTokens: 100, maxDepth: 10, requiresSortedKeys: true)
        #expect(code(text, strict) == .unsortedKeys)
    }

    @Test func `keys are ordered as bytes not as text`() throws {
        // Swift's String holds "é" (NFC) and "e" + U+0301 (NFD) for equal; bencode does not.
        let dictionary = BencodeDictionary([("\u{e9}", 1), ("e\u{301}", 2), ("z", 3)])
        #expect(dictionary.count == 3)
        #expect(dictionary.keys.map { Array($0) } == [[0x65, 0xcc, 0x81], [0x7a], [0xc3, 0xa9]])
        #expect(dictionary["\u{e9}"] == 1)
    }

    @Test func `a key that is no string is refused`() { #expect(code("di1ei2ee") == .keyNotString) }

    @Test(arguments: ["i1ex", "i1ei2e", "de0:", "3:abcd"])
    func `bytes after the value are refused`(_ text: String) { #expect(code(text) == .trailingBytes) }

    @Test func `a prefix leaves what follows it`() throws {
        let bytes = Array("xxd8:msg_typei1eeDATA".utf8)
        let (value, consumed) = try Bencode.decodePrefix(bytes[2...])
        #expect(value == ["msg_type": 1])
        #expect(Array(bytes[(2 + consumed)...]) == Array("DATA".utf8))
    }

    @Test func `spans are the bytes as received`() throws {
        let text = "d4:infod1:bi1e1:ai2ee3:zzz1:xe"
        let bytes = Array(text.utf8)
        let span = try #require(try Bencode.decode(bytes).dictionaryValue?.span(of: "info"))
        #expect(String(decoding: bytes[span], as: UTF8.self) == "d1:bi1e1:ai2ee")
    }

    @Test func `errors say where`() {
        #expect { try decode("l4:spami-0ee") } throws: { ($0 as? BencodeError) == BencodeError(.badInteger, at: 7) }
    }
}
