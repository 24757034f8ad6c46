import Metainfo
import Testing

@Suite struct AddressTests {
    private func tracker(_ text: String) -> Result<String, AddressProblem> {
        Result { () throws(AddressProblem) in try TrackerAddress(text).text }
    }

    private func webSeed(_ text: String) -> Result<String, AddressProblem> {
        Result { () throws(AddressProblem) in try WebSeedAddress(text).text }
    }

    @Test(arguments: [
        "http://h/", "https://h:1/p?q=%20#f", "HTTP://h", "http://[::1]:80/a", "http://h_1.example/a@b", "http://h:/",
    ])
    func `a URL that can be used stays as it is`(_ text: String) {
        #expect(webSeed(text) == .success(text))
        #expect(tracker(text) == .success(text))
    }

    @Test func `blanks and other characters are encoded in a path and blanks around are cut off`() {
        #expect(webSeed(" http://h/a b/\u{e9}\n") == .success("http://h/a%20b/%C3%A9"))
        #expect(tracker("http://h/announce?name=a b|c") == .success("http://h/announce?name=a%20b%7Cc"))
        #expect((try? WebSeedAddress(Array("http://h/".utf8) + [0xe9]).text) == "http://h/%E9")
    }

    @Test(arguments: [
        ("", AddressProblem.empty), (" \n", .empty), ("http://h/a\nb", .controlCharacter), ("http:///p", .noHost),
        ("http://", .noHost), ("http://:80/", .noHost), ("http://a b/", .badHost), ("http://h\u{fc}/", .badHost),
        ("http://[::1/", .badHost), ("http://h:0/", .badPort), ("http://h:65536/", .badPort), ("http://h:x/", .badPort),
        ("http://me@h/", .userName), ("http://me:pw@h/", .userName), ("http://h:80@/", .userName),
    ])
    func `a URL that cannot be used is refused with the reason`(_ text: String, _ problem: AddressProblem) {
        #expect(webSeed(text) == .failure(problem))
        #expect(tracker(text) == .failure(problem))
    }

    @Test func `schemes differ`() {
        #expect(tracker("udp://h:6969") == .success("udp://h:6969"))
        #expect(tracker("UDP://h:6969/announce") == .success("UDP://h:6969/announce"))
        #expect(tracker("udp://h/announce") == .failure(.noPort))
        guard case .failure(.unknownScheme("udp", _)) = webSeed("udp://h:1") else { return #expect(Bool(false)) }
        guard case .failure(.unknownScheme("wss", _)) = tracker("wss://h") else { return #expect(Bool(false)) }
        for text in ["h:6969/announce", "http:/h", "http//h", "//h/", "://h", "/a/path"] {
            guard case .failure(.noScheme) = tracker(text) else { return #expect(Bool(false), "\(text)") }
        }
        guard case .failure(.tooLong) = tracker("http://h/" + String(repeating: " ", count: 1400) + "x") else {
            return #expect(Bool(false))
        }
    }

    @Test func `passwords are taken out of text and at signs in paths stay`() {
        #expect(Redaction.text("get http://u:p@h/a failed") == "get http://***@h/a failed")
        #expect(Redaction.text(#"{"a":"http://u:p@w@h/"}"#) == #"{"a":"http://***@h/"}"#)
        #expect(Redaction.text("udp://u@h:1, https://h/x@y") == "udp://***@h:1, https://h/x@y")
        for text in ["", "@", "http://h/@", "a@b", "://", "http://h"] { #expect(Redaction.text(text) == text) }
        #expect(Redaction.url("http://u:p/w@h/") == "http://***@h/")
        #expect(Redaction.url("u:pw@h/announce") == "***@h/announce")
        #expect(Redaction.url("http://h/announce") == "http://h/announce")
    }
}
