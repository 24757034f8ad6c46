import Bencode
import Testing
import Text

@Suite struct EncodeTests {
    private func text(_ value: BencodeValue) -> String { String(decoding: Bencode.encode(value), as: UTF8.self) }

    @Test func `each kind has one form`() {
        #expect(text(-7) == "i-7e")
        #expect(text(.integer(.min)) == "i-9223372036854775808e")
        #expect(text("") == "0:")
        #expect(text(["b": 1, "a": ["x", [:]]]) == "d1:al1:xdee1:bi1ee")
    }

    @Test func `a key set twice keeps its last value`() {
        #expect(text(.dictionary(BencodeDictionary([("a", 1), ("b", 2), ("a", 3)]))) == "d1:ai3e1:bi2ee")
        var dictionary: BencodeDictionary = BencodeDictionary([("m", 1)])
        dictionary["a"] = 2
        dictionary["m"] = nil
        dictionary["a"] = 5
        dictionary["none"] = nil
        #expect(text(.dictionary(dictionary)) == "d1:ai5ee")
    }

    @Test func `what is encoded decodes to itself`() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let value = random.value(depth: 4)
            let bytes = Bencode.encode(value)
            let back = try Bencode.decode(bytes)
            #expect(back == value)
            #expect(back.hashValue == value.hashValue)
            #expect(Bencode.encode(back) == bytes)
        }
    }

    @Test func `mutilated input never traps`() throws {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<20_000 {
            var bytes = Bencode.encode(random.value(depth: 3))
            for _ in 0...random.below(3) {
                let at = random.below(bytes.count)
                switch random.below(3) {
                case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: at)
                default: bytes.insert(Array("0123456789iled:-".utf8)[random.below(16)], at: at)
                }
                if bytes.isEmpty { bytes = [UInt8(ascii: "i")] }
            }
            // A value or an error; what decodes, encodes to something that decodes to the same.
            if let value = try? Bencode.decode(bytes) { #expect(try Bencode.decode(Bencode.encode(value)) == value) }
        }
    }
}

extension SeededGenerator {
    mutating func value(depth: Int) -> BencodeValue {
        switch below(depth > 0 ? 4 : 2) {
        case 0: return .integer(Int64(truncatingIfNeeded: next()) >> Int64(below(64)))
        case 1: return .data((0..<below(12)).map { _ in UInt8(truncatingIfNeeded: next()) })
        case 2: return .list((0..<below(5)).map { _ in value(depth: depth - 1) })
        default:
            return .dictionary(
                BencodeDictionary(
                    (0..<below(5)).map { _ in
                        (
                            BencodeBytes((0..<below(3)).map { _ in UInt8(truncatingIfNeeded: next() % 4) }),
                            value(depth: depth - 1)
                        )
                    }))
        }
    }
}
