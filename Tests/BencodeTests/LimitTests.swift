import Bencode
import Testing

@Suite struct LimitTests {
    private func code(_ bytes: [UInt8], _ limits: BencodeLimits = .metainfo) -> BencodeError.Code? {
        do {
            _ = try Bencode.decode(bytes, limits: limits)
            return nil
        } catch { return error.code }
    }

    private func nested(_ depth: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(ascii: "l"), count: depth) + [UInt8](repeating: UInt8(ascii: "e"), count: depth)
    }

    @Test func `a nesting bomb is refused at depth 100`() {
        #expect(code(nested(100)) == nil)
        #expect(code(nested(101)) == .tooDeep)
        #expect(code(nested(5_000_000)) == .tooDeep)
        #expect(code(Array(String(repeating: "d1:a", count: 1_000_000).utf8)) == .tooDeep)
    }

    @Test func `no limit lets the stack overflow`() {
        let greedy = BencodeLimits(maxBytes: .max, maxTokens: .max, maxDepth: .max)
        #expect(code(nested(1_000_000), greedy) == .tooDeep)
    }

    @Test func `an item bomb is refused`() {
        let empties =
            [UInt8](repeating: UInt8(ascii: "l"), count: 1) + Array(String(repeating: "0:", count: 4_000_000).utf8)
        #expect(code(empties + [UInt8(ascii: "e")]) == .tooManyTokens)
        let limits = BencodeLimits(maxBytes: 100, maxTokens: 3, maxDepth: 5)
        #expect(code(Array("li1ei2ee".utf8), limits) == nil)
        #expect(code(Array("li1ei2ei3ee".utf8), limits) == .tooManyTokens)
    }

    @Test func `an input over the limit is refused unread`() {
        let limits = BencodeLimits(maxBytes: 4, maxTokens: 3, maxDepth: 5)
        #expect(code(Array("2:ab".utf8), limits) == nil)
        #expect(code(Array("3:abc".utf8), limits) == .tooLarge)
        #expect(code([UInt8](repeating: UInt8(ascii: "l"), count: (64 << 20) + 1)) == .tooLarge)
    }

    @Test func `a prefix may be followed by more than the limit`() throws {
        let limits = BencodeLimits(maxBytes: 4, maxTokens: 3, maxDepth: 5)
        #expect(try Bencode.decodePrefix(Array("2:abXXXXXX".utf8)[...], limits: limits).consumed == 4)
        #expect(throws: BencodeError.self) { try Bencode.decodePrefix(Array("3:abcXXXXXX".utf8)[...], limits: limits) }
    }

    @Test func `many unsorted keys take no quadratic time`() throws {
        // 200,000 keys in reverse: a quadratic search for duplicates would take minutes.
        var text = "d"
        for key in (0..<200_000).reversed() { text += "6:\(String(key + 100_000))i1e" }
        text += "e"
        #expect(try Bencode.decode(Array(text.utf8)).dictionaryValue?.count == 200_000)
    }
}
