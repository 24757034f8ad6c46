import Metainfo
import Testing

@Suite struct NameTests {
    @Test func `a path is ordered by components`() throws {
        let sorted = try ["a", "a/b", "a/b/c", "a-b", "a.b", "b"].map { try SafePath($0) }
        #expect(sorted.reversed().sorted() == sorted)
        #expect(!(sorted[0] < sorted[0]))
    }

    @Test(arguments: ["", "/a", "a/", "a//b", "a/../b", "./a", "a/.", ".."])
    func `an unsafe path is refused`(_ text: String) { #expect(throws: PathProblem.self) { try SafePath(text) } }

    @Test func `a name of 255 bytes is the longest`() throws {
        #expect(throws: Never.self) { try PathComponent(String(repeating: "n", count: 255)) }
        #expect(throws: PathProblem.tooLong) { try PathComponent(String(repeating: "n", count: 256)) }
        #expect(throws: PathProblem.tooLong) { try PathComponent(String(repeating: "ü", count: 128)) }
    }

    @Test func `control and bidi characters are escaped for display`() {
        let cases = [
            ("plain name.txt", "plain name.txt"), ("Grüße 東京 🦅", "Grüße 東京 🦅"), ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("a\nb\tc\0", "a\\u{a}b\\u{9}c\\u{0}"), ("\u{202e}gpj.exe", "\\u{202e}gpj.exe"),
            ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"), ("\u{9b}31m", "\\u{9b}31m"), ("\u{2028}", "\\u{2028}"),
            ("e\u{301}", "e\u{301}"), ("\u{e0041}", "\\u{e0041}"), ("\u{7f}", "\\u{7f}"),
        ]
        for (name, shown) in cases { #expect(Array(DisplayName.escape(name).utf8) == Array(shown.utf8)) }
    }

    @Test func `bytes that are not UTF-8 are escaped for display`() {
        #expect(DisplayName.escape([0x61, 0xff, 0x62]) == "a\\xffb")
        #expect(DisplayName.escape([0xc3]) == "\\xc3")
        #expect(DisplayName.escape([0xed, 0xa0, 0x80]) == "\\xed\\xa0\\x80")  // a surrogate
        #expect(DisplayName.escape([0xc0, 0xae]) == "\\xc0\\xae")  // an overlong dot
        #expect(DisplayName.escape([0xf0, 0x9f, 0xa6, 0x85, 0xf0, 0x9f]) == "🦅\\xf0\\x9f")
    }

    @Test func `normal forms are different names`() throws {
        let composed = try PathComponent("\u{e9}")
        let decomposed = try PathComponent("e\u{301}")
        #expect(composed != decomposed)
        #expect(decomposed < composed)
    }

    @Test(arguments: [
        ("aux.c", true), ("CON", true), ("con .txt", true), ("COM1", true), ("com¹.log", true), ("COM0", false),
        ("COM10", false), ("console", false), ("nul.tar.gz", true), ("a.", true), ("a ", true), ("a b", false),
        ("a:b", true), ("a\\b", true), ("what?", true), ("tab\t", true), ("ü", false), (".hidden", false),
        ("lpt9", true), ("conin$", true),
    ])
    func `names that Windows cannot hold are known`(_ name: String, _ isBad: Bool) throws {
        #expect((Portability.windowsProblem(try PathComponent(name)) != nil) == isBad)
    }

    @Test func `collisions are found in directories too`() throws {
        func pairs(_ paths: [String]) throws -> [String] {
            Portability.collisions(among: try paths.map { try SafePath($0) }).map { "\($0.display) \($1.display)" }
        }
        #expect(try pairs(["a/x", "a/y", "b"]).isEmpty)
        #expect(try pairs(["A/x", "a/y"]) == ["A a"])
        #expect(try pairs(["net/xt_MARK.h", "net/xt_mark.h"]) == ["net/xt_MARK.h net/xt_mark.h"])
        #expect(try pairs(["a", "b/c", "B"]) == ["b B"])
        #expect(try pairs(["\u{e9}", "e\u{301}"]).count == 1)
        #expect(try pairs((0..<50).flatMap { ["a\($0)", "A\($0)"] }).count == 20)
    }
}
