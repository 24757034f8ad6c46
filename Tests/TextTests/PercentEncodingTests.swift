import Testing
import Text

@Suite struct `Percent-encoding` {
    @Test func `keeps unreserved characters and what it is told to keep`() {
        #expect(PercentEncoding.encode("a-Z_0.~/ é".utf8) == "a-Z_0.~%2F%20%C3%A9")
        #expect(PercentEncoding.encode("/a:b".utf8, keeping: "/") == "/a%3Ab")
    }

    @Test func `reads what it wrote, for every byte`() {
        let bytes = Array(UInt8.min...UInt8.max)
        #expect(PercentEncoding.decodeBytes(PercentEncoding.encode(bytes).utf8) == bytes)
        #expect(PercentEncoding.decodeLeniently(Array(PercentEncoding.encode(bytes).utf8)[...]) == bytes)
    }

    @Test(arguments: ["%", "a%2", "%zz", "%2g"]) func `refuses a broken escape`(text: String) {
        #expect(PercentEncoding.decodeBytes(text.utf8) == nil)
        #expect(PercentEncoding.decode(text) == nil)
        #expect(PercentEncoding.decodeLeniently(Array(text.utf8)[...]) == Array(text.utf8))
    }

    @Test func `reads a plus sign as a space only where forms are read`() {
        #expect(PercentEncoding.decode("a+b%2Bc") == "a+b+c")
        #expect(PercentEncoding.decode("a+b%2Bc", plusIsSpace: true) == "a b+c")
    }

    @Test func `is no text where the bytes are not UTF-8`() {
        #expect(PercentEncoding.decode("%ff") == nil)
        #expect(PercentEncoding.decode("%C3%A9") == "é")
    }

    @Test func `decodes into memory that is given, and no further than its end`() {
        func decoded(_ text: String, room: Int) -> [UInt8]? {
            var target = [UInt8](repeating: 0, count: room)
            let count = Array(text.utf8).withUnsafeBytes { text in
                target.withUnsafeMutableBytes { PercentEncoding.decode(text, into: $0) }
            }
            return count.map { Array(target[..<$0]) }
        }
        #expect(decoded("%41+b", room: 3) == Array("A b".utf8))
        #expect(decoded("%41+b", room: 2) == nil)
        #expect(decoded("%4", room: 8) == nil)
    }
}

@Suite struct `Hexadecimal digits` {
    @Test func `are two for each byte, in lower case`() {
        #expect(Hexadecimal.encode([0, 0x9a, 0xff]) == "009aff")
        #expect(Hexadecimal.encode([UInt8]()).isEmpty)
    }

    @Test func `are read in either case, and only as many as were asked for`() {
        #expect(Hexadecimal.decode("00Aaff", byteCount: 3) == [0, 0xaa, 0xff])
        for text in ["00aaf", "00aaff00", "00aafg", "0x00ff"] {
            #expect(Hexadecimal.decode(text, byteCount: 3) == nil, "\(text)")
        }
    }
}
