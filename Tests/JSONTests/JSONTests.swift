import JSON
import Testing
import Text

@Suite struct JSONTests {
    private func failure(_ text: String, limits: JSONLimits = .message) throws -> JSONError {
        do {
            _ = try JSONValue.parse(Array(text.utf8), limits: limits)
        } catch { return error }
        Issue.record("this was read: \(text)")
        throw JSONTestFailure()
    }

    private struct JSONTestFailure: Error {}

    @Test func `reads every kind of value`() throws {
        let text = #" {"a":null,"b":[true,false],"c":-12,"d":1.5e2,"e":"x\n\"\u00e9\ud83d\ude00","f":{}} "#
        let value = try JSONValue.parse(Array(text.utf8))
        #expect(value["a"] == .null)
        #expect(value["b"] == [true, false])
        #expect(value["c"] == -12)
        #expect(value["d"] == .double(150))
        #expect(value["e"] == "x\n\"é😀")
        #expect(value["f"] == .object(JSONObject()))
    }

    @Test func `writes members in their order`() throws {
        let text = #"{"z":1,"a":[1,"x\\"],"m":{"b":true,"a":null}}"#
        #expect(try JSONValue.parse(Array(text.utf8)).text == text)
    }

    @Test func `what is written is read again in either layout`() throws {
        let value: JSONValue = ["a": "\u{1}\u{7f}\t\"\\/", "b": [1, -2, .double(0.1), .null], "c": ["d": []]]
        for layout in [JSONValue.Layout.compact, .indented] {
            #expect(try JSONValue.parse(value.encode(layout)) == value)
        }
    }

    @Test func `objects of many members are read changed and written`() throws {
        var object = JSONObject()
        for number in 0..<100 { object["k\(number)"] = .integer(Int64(number)) }
        object["k3"] = nil
        object["k50"] = "changed"
        #expect(object.keys.count == 99)
        #expect(object["k3"] == nil)
        #expect(object["k50"] == "changed")
        #expect(object["k99"] == 99)
        let again = try JSONValue.parse(JSONValue.object(object).encode())
        #expect(again == .object(object))
    }

    @Test func `a name given twice keeps its last value`() throws {
        #expect(try JSONValue.parse(Array(#"{"a":1,"b":2,"a":3}"#.utf8)).text == #"{"a":3,"b":2}"#)
    }

    @Test(arguments: [
        ("{\"a\": 1\n \"b\": 2}", 2, 2), ("{\"a\": 1,\n}", 2, 1), ("[1,2,]", 1, 6), ("{\"a\" 1}", 1, 6),
        ("# x\n{}", 1, 1), ("{\"a\": 1} // x", 1, 10), ("{\"a\": 1, # x\n\"b\": 2}", 1, 10), ("", 1, 1),
        ("{\"é\": x}", 1, 7), ("\"abc", 1, 1), ("\"a\nb\"", 1, 3), ("01", 1, 1), ("1.", 1, 3), ("1e", 1, 3),
        ("-", 1, 1), ("1e999", 1, 1), ("{} {}", 1, 4), ("nul", 1, 1), (#""\ud800""#, 1, 2), (#""\x""#, 1, 2),
    ])
    func `what is no JSON is refused with line and column`(text: String, line: Int, column: Int) throws {
        let error = try failure(text)
        #expect(error.line == line)
        #expect(error.column == column)
    }

    @Test func `a string that is no UTF-8 is refused`() {
        #expect(throws: JSONError.self) { try JSONValue.parse([0x22, 0xff, 0x22]) }
    }

    @Test func `depth size and number of values are bounded`() throws {
        #expect(try failure(String(repeating: "[", count: 100_000)).reason.contains("deep"))
        #expect(try failure(String(repeating: #"{"a":"#, count: 100_000)).reason.contains("deep"))
        let limits = JSONLimits(maxBytes: 100, maxDepth: 4, maxValues: 10)
        #expect(try failure(String(repeating: " ", count: 101), limits: limits).reason.contains("longer"))
        #expect(try failure("[" + String(repeating: "1,", count: 20) + "1]", limits: limits).reason.contains("values"))
    }

    @Test func `every truncation and changed byte is read or refused`() {
        let text = Array(#"{"a":[1,-2.5e3,"x\u00e9\n"],"b":{"c":null,"d":true}}"#.utf8)
        for end in text.indices { _ = try? JSONValue.parse(Array(text[..<end])) }
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<5_000 {
            var changed = text
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                changed[Int.random(in: changed.indices, using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            }
            guard let value = try? JSONValue.parse(changed) else { continue }
            #expect((try? JSONValue.parse(value.encode())) == value)
        }
    }

    @Test func `strings and numbers are taken for each other`() {
        #expect(JSONValue.string(" 72 ").lenientInteger == 72)
        #expect(JSONValue.double(72).lenientInteger == 72)
        #expect(JSONValue.double(72.5).lenientInteger == nil)
        #expect(JSONValue.double(1e300).lenientInteger == nil)
        #expect(JSONValue.string("true").lenientFlag == true)
        #expect(JSONValue.integer(0).lenientFlag == false)
        #expect(JSONValue.string("yes").lenientFlag == nil)
    }
}
