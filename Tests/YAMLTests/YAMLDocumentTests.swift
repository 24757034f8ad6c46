import JSON
import Settings
import Testing
import YAML

@Suite struct `A YAML document` {
    private func read(_ text: String, limits: YAMLLimits = YAMLLimits()) throws -> JSONObject {
        try YAMLDocument.read(Array(text.utf8), file: "a.yaml", limits: limits).values
    }

    private func problem(_ text: String, limits: YAMLLimits = YAMLLimits()) -> String {
        do {
            _ = try read(text, limits: limits)
            return ""
        } catch { return "\(error)" }
    }

    @Test func `becomes values, each as its form says it`() throws {
        let object = try read(
            """
            a: 1
            b: '1'
            c: 1.10
            d: [true, no, ~, "x"]
            e: {f: 0644}
            g:
            h: |
              two
              lines
            """)
        #expect(
            object == [
                "a": 1, "b": "1", "c": "1.10", "d": [true, "no", .null, "x"], "e": ["f": "0644"], "g": .null,
                "h": "two\nlines",
            ])
    }

    @Test(arguments: ["", "# nothing\n", "---\n", "~"])
    func `may be empty`(text: String) throws { #expect(try read(text).isEmpty) }

    @Test func `may use anchors and merges, of which its own keys go first`() throws {
        let object = try read("base: &b {x: 1, y: 2}\nmine:\n  <<: *b\n  y: 3\nalso: *b\n")
        #expect(object["mine"] == ["y": 3, "x": 1])
        #expect(object["also"] == ["x": 1, "y": 2])
    }

    @Test(arguments: [
        ("a: 1\n  b: 2\n", "a.yaml, line 2, column 4: mapping values are not allowed in this context"),
        ("a: [1\n", "a.yaml, line 2, column 1: while parsing a flow sequence: did not find expected ',' or ']'"),
        ("a: 1\na: 2\n", "a.yaml, line 1, column 1: the key 'a' is there twice"),
        ("- 1\n", "a.yaml, line 1, column 1: it is a list or a text, and should be keys with values"),
        ("a: *b\n", "a.yaml, line 1, column 4: found undefined alias"),
        ("a: !!binary eA==\n", "a.yaml, line 1, column 4: it has a tag ('!…'), of which none has a meaning here"),
        ("? [1]\n: 2\n", "a.yaml, line 1, column 3: a key is a text"),
        ("a: 1\n---\nb: 2\n", "a.yaml, line 2, column 1: but found another document"),
    ])
    func `is refused with the place of the mistake`(text: String, expected: String) {
        #expect(problem(text) == expected)
    }

    @Test func `says nothing of what stands there`() {
        #expect(!problem("secret: hunter2: x\n").contains("hunter2"))
        #expect(!problem("secret: \"hunter2\n").contains("hunter2"))
    }

    @Test func `is bounded in bytes, depth and values`() {
        var limits = YAMLLimits()
        (limits.bytes, limits.depth, limits.values) = (100, 3, 10)
        #expect(problem("a: " + String(repeating: "x", count: 100), limits: limits).contains("longer than 100 bytes"))
        #expect(problem("a: [[[[1]]]]", limits: limits).contains("more than 3 deep"))
        #expect(problem("a: [1,2,3,4,5,6,7,8,9]", limits: limits).contains("more than 10 values"))
    }

    @Test func `does not run away with deep nesting`() {
        for deep in [String(repeating: "[", count: 500_000), "a: " + String(repeating: "{b: ", count: 200_000)] {
            #expect(!problem(deep).isEmpty)
        }
        #expect(!problem(String(repeating: "- ", count: 100_000)).isEmpty)
    }

    @Test func `does not follow aliases of aliases for ever`() {
        var laughs = "a0: &a0 [x]\n"
        for level in 1...30 { laughs += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        #expect(problem(laughs).contains("more than 20000 values, or aliases that stand for so many"))
        // The library compares keys, and would compare all that they stand for.
        #expect(problem(laughs + "b: {? *a30 : 1, ? *a30 : 2}\n").contains("no lists, mappings or aliases as keys"))
        #expect(problem(laughs + "b: {*a30 : 1, *a29 : 2}\n").contains("no lists, mappings or aliases as keys"))
        #expect(problem(laughs + "b: {[*a30] # [\n\n : 1}\n").contains("no lists, mappings or aliases as keys"))
        #expect(problem("a: &a 1\nb: *a\n# " + String(repeating: "]#", count: 400_000)).isEmpty == false)
    }
}
