import Testing
import Text

@Suite struct `The beginning of a text in bytes` {
    @Test(arguments: [
        ("", 3, ""), ("abc", 3, "abc"), ("abcd", 3, "abc"), ("äöü", 3, "ä"), ("äöü", 4, "äö"), ("漢字", 5, "漢"),
        ("e\u{301}x", 2, ""), ("a👨‍👩‍👧", 10, "a"), ("abc", 0, ""),
    ])
    func `has whole characters, and no more bytes`(text: String, most: Int, expected: String) {
        #expect(text.prefix(bytes: most) == expected)
    }
}
