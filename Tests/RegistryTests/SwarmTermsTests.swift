import JSON
import Registry
import Testing
import Text

@Suite struct `How the swarms of a registry are found` {
    private func name(_ text: String) throws -> ContentName { try #require(ContentName(text)) }

    @Test func `a secret is told to those alone who may know it`() throws {
        let terms = SwarmTerms(Secret("the secret"), open: try NamePatterns(["public/.*"]))
        let told = try #require(terms.json(tellsSecret: true))
        #expect(told["secret"]?.stringValue == "the secret")
        #expect(SwarmTerms(json: told) == terms)
        let untold = try #require(terms.json(tellsSecret: false))
        #expect(untold["secret"] == nil)
        let known = try #require(SwarmTerms(json: untold))
        #expect(known.isClosed && known.secret == nil && known != terms)
        #expect(try known.reaches(name("public/a")) && !known.reaches(name("team/a")))
        #expect(!"\(terms)".contains("the secret"))
    }

    @Test func `without a secret any client finds all`() throws {
        #expect(SwarmTerms.anyClient.json(tellsSecret: true) == nil)
        #expect(try SwarmTerms.anyClient.isOpen(name("a")) && SwarmTerms.anyClient.reaches(name("a")))
    }

    /// The first would overflow the stack of whoever reads it, the others take for ever on a long name.
    @Test(arguments: [String(repeating: "(", count: 100_000), "(a*)*b", "(a|aa)+", ".*.*.*.*.*.*.*x"])
    func `patterns from another host are short and quick`(pattern: String) throws {
        #expect(throws: NamePatterns.Malformed.self) { try NamePatterns(simple: [pattern]) }
        let terms = try #require(SwarmTerms(json: ["open": .array([.string(pattern)])]))
        #expect(terms.isClosed && terms.open.patterns.isEmpty)
    }

    @Test func `a pattern of another host may have groups and repetitions`() throws {
        let patterns = try NamePatterns(simple: ["(team|lab)/[a-z]+(-[0-9])?", "public/.*"])
        #expect(patterns.match("lab/app-1") && patterns.match("public/a/b") && !patterns.match("team/1"))
    }

    @Test func `a pattern is for whole names`() throws {
        let terms = SwarmTerms(Secret("s"), open: try NamePatterns(["public"]))
        #expect(try terms.isOpen(name("public")) && !terms.isOpen(name("public/a")) && terms.reaches(name("x")))
    }

    @Test(arguments: [
        "{}", #"{"open": "a"}"#, #"{"open": ["("]}"#, #"{"open": [], "secret": ""}"#,
    ]) func `what is malformed opens nothing`(text: String) throws {
        let terms = try #require(SwarmTerms(json: try JSONValue.parse(Array(text.utf8))))
        #expect(terms.isClosed && terms.secret == nil && terms.open.patterns.isEmpty)
    }

    @Test(arguments: ["null", "1", "[]"]) func `what is none is nothing`(text: String) throws {
        #expect(SwarmTerms(json: try JSONValue.parse(Array(text.utf8))) == nil)
        #expect(SwarmTerms(json: nil) == nil)
    }
}
