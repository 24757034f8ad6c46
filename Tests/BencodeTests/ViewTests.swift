import Bencode
import Testing

@Suite struct ViewTests {
    private func view(_ text: String) throws -> BencodeView { try BencodeView(prefixOf: Array(text.utf8)[...]) }

    @Test func `parts are read on demand with their bytes`() throws {
        let view = try view("d1:bi01e1:ali-0e0:e1:bd0:leee trailing")
        let fields = try #require(view.fields)
        #expect(fields.map { String(decoding: $0.key, as: UTF8.self) } == ["b", "a", "b"])
        #expect(fields[0].value.integer == 1)
        #expect(String(decoding: fields[0].bytes, as: UTF8.self) == "1:bi01e")
        #expect(fields[1].value.list?.map(\.integer) == [0, nil])
        #expect(fields[1].value.list?[1].text?.isEmpty == true)
        #expect(fields[2].value.fields?.first?.value.list?.isEmpty == true)
        #expect(view.list == nil && view.integer == nil && view.string == nil)
        #expect(view.bytes.count == 29)
    }

    @Test func `numbers that are none are nil and stop nothing`() throws {
        for text in ["ie", "i1.5e", "i99999999999999999999e", "i 1e", "i--1e"] {
            #expect(try view(text).integer == nil, "\(text)")
        }
        #expect(try view("i+5e").integer == 5)
        #expect(try view("0003:abc").text == "abc")
    }

    @Test(arguments: [
        ("", BencodeError.Code.truncated), ("d", .truncated), ("d1:ae", .unexpectedByte), ("di1ei1ee", .keyNotString),
        ("5:ab", .lengthPastEnd), ("99999999999999999999999:a", .lengthPastEnd), ("5ab", .badLength),
        ("ixe", .badInteger),
        ("x", .unexpectedByte), ("l", .truncated), ("e", .unexpectedByte), ("i5", .truncated), ("5", .truncated),
    ])
    func `what gives no way to go on is an error`(_ text: String, _ code: BencodeError.Code) {
        #expect { try view(text) } throws: { ($0 as? BencodeError)?.code == code }
    }

    @Test func `limits hold`() {
        let limits = BencodeLimits(maxBytes: 1000, maxTokens: 10, maxDepth: 5)
        func code(_ text: String) -> BencodeError.Code? {
            do throws(BencodeError) { _ = try BencodeView(prefixOf: Array(text.utf8)[...], limits: limits) } catch {
                return error.code
            }
            return nil
        }
        #expect(code(String(repeating: "l", count: 5) + String(repeating: "e", count: 5)) == nil)
        #expect(code(String(repeating: "l", count: 6) + String(repeating: "e", count: 6)) == .tooDeep)
        #expect(code("l" + String(repeating: "0:", count: 9) + "e") == nil)
        #expect(code("l" + String(repeating: "0:", count: 10) + "e") == .tooManyTokens)
        #expect(code("1000:" + String(repeating: "x", count: 1000)) == .tooLarge)
    }

    @Test func `what the decoder reads the view reads alike`() throws {
        let text = "d1:ai-5e1:bl3:xyzd0:i0eee1:cdee"
        let decoded = try Bencode.decode(Array(text.utf8))
        let view = try view(text)
        #expect(view.bytes.count == text.utf8.count)
        #expect(view.fields?.map(\.value.integer) == decoded.dictionaryValue?.entries.map(\.value.integerValue))
    }
}
