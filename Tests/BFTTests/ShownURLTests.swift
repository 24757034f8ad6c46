import BFT
import Testing

@Suite("URLs in replies")
struct ShownURLTests {
    @Test(arguments: [
        ("http://h/a.torrent", "http://h/a.torrent"), ("http://h/a?sig=KEY&x=y", "http://h/a"),
        ("https://user:pass@h:8/a@b#frag", "https://h:8/a@b"), ("http://h?sig=KEY", "http://h"), ("", ""),
        ("not a url", "not a url"), ("http://a@b@h/x", "http://h/x"),
    ])
    func `query, fragment and user are left out`(url: String, text: String) {
        #expect(ShownURL.text(url) == text)
        #expect(RecvFailureText.noTorrent(url: url) == "could not download torrent from \(text)")
    }
}
