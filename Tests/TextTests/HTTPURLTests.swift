import Testing
import Text

@Suite struct `The text of a URL for a person` {
    @Test func `has neither password nor query`() throws {
        let url = try #require(HTTPURL("https://cdn.example/a/b?token=SECRET"))
        #expect("\(url)" == "https://cdn.example/a/b?…" && String(reflecting: url) == "\(url)")
        let other = try #require(HTTPURL("http://a:81/x"))
        #expect("\(other)" == "http://a:81/x")
    }

    @Test(arguments: [
        ("http://user:SECRET@host/path?key=SECRET#SECRET", "http://…@host/path?…"),
        ("udp://SECRET@host:80", "udp://…@host:80"), ("http://host/path", "http://host/path"),
        ("user:SECRET@host/x", "…@host/x"), ("http://a@b:SECRET@host/", "http://…@host/"),
        ("http://host/\u{1b}[1mü", "http://host/?[1m?"), ("", ""), ("?SECRET", "?…"),
    ]) func `shows of any text what is no secret`(text: String, shown: String) {
        #expect(HTTPURL.redacted(text) == shown)
    }
}
