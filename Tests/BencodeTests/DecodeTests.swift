import Bencode
import Testing

@Suite struct DecodeTests {
    @Test func aValueOfEachKindComesBack() throws {
        let value = try Bencode.decode(Array("d1:ai-7e1:bl4:spamdee1:c0:e".utf8))
        #expect(value == ["a": -7, "b": ["spam", [:]], "c": ""])
    }
}
