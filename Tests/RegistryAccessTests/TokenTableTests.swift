import Admission
import HTTPServing
import Hashing
import RegistryAccess
import Testing

struct TokenTableTests {
    private func table(_ tokens: String) throws -> TokenTable {
        try TokenTable(Array(#"{"tokens": [\#(tokens)]}"#.utf8))
    }

    private func problem(_ tokens: String) -> String {
        do {
            _ = try table(tokens)
            return "none"
        } catch { return "\(error)" }
    }

    @Test func `a token is known by itself or by its digest`() throws {
        let digest = SHA256.digest(Array("other".utf8)).hex
        let table = try table(
            #"{"name": "a", "role": "pull", "secret": "one"}, {"name": "b", "role": "push", "sha256": "\#(digest)"}"#)
        #expect(table.find(Array("one".utf8), at: 0) == .caller(Caller(name: "a", role: RegistryRoles.pull)))
        #expect(table.find(Array("other".utf8), at: 0) == .caller(Caller(name: "b", role: RegistryRoles.push)))
        #expect(table.find(Array("on".utf8), at: 0) == .unknown)
        #expect(table.find([], at: 0) == .unknown)
        #expect(table.find(Array(digest.utf8), at: 0) == .unknown, "the digest is no token")
    }

    @Test func `a token ends when its day begins, or at its second`() throws {
        let table = try table(
            """
            {"name": "a", "role": "pull", "secret": "day", "expires": "1970-01-03"},
            {"name": "b", "role": "pull", "secret": "second", "expires": "1970-01-01T01:00:05Z"}
            """)
        #expect(table.find(Array("day".utf8), at: 172_799) != .expired)
        #expect(table.find(Array("day".utf8), at: 172_800) == .expired)
        #expect(table.find(Array("second".utf8), at: 3_604.9) != .expired)
        #expect(table.find(Array("second".utf8), at: 3_605) == .expired)
    }

    @Test func `names are held against whole patterns`() throws {
        let table = try table(
            #"{"name": "a", "role": "pull", "secret": "s", "names": ["team/.*", "library/[a-z]+"]}"#)
        guard case .caller(let caller) = table.find(Array("s".utf8), at: 0) else {
            Issue.record("not found")
            return
        }
        for (name, isSeen) in [
            ("team/app", true), ("library/nginx", true), ("other/team/app", false), ("team", false),
            ("library/nginx/x", false),
        ] { #expect(caller.scope?.includes(name) == isSeen, "\(name)") }
    }

    @Test(arguments: [
        (#"{"name": "a", "role": "root", "secret": "s"}"#, "token 'a': 'role' is pull, push, admin or cluster"),
        (#"{"role": "pull", "secret": "s"}"#, "token 1: 'name' is 1 to 64 letters, digits and signs"),
        (#"{"name": "a", "role": "pull"}"#, "token 'a': either 'sha256' or 'secret' is needed"),
        (#"{"name": "a", "role": "pull", "sha256": "abc"}"#, "token 'a': 'sha256' is 64 digits"),
        (
            #"{"name": "a", "role": "pull", "secret": "a b"}"#,
            "token 'a': 'secret' is letters, digits and signs without blanks"
        ),
        (#"{"name": "a", "role": "pull", "secret": "a:b"}"#, "token 'a': 'secret' has no ':'"),
        (
            #"{"name": "a", "role": "pull", "secret": "s", "expire": "2030-01-01"}"#,
            "token 'a': 'expire' is no key of a token"
        ),
        (
            #"{"name": "a", "role": "pull", "secret": "s", "expires": "2030-02-30"}"#,
            "token 'a': 'expires' is a day or a time in UTC: 2030-01-31 or 2030-01-31T12:00:00Z"
        ),
        (
            #"{"name": "a", "role": "pull", "secret": "s", "names": ["(" ]}"#,
            "token 'a': '(' is no regular expression"
        ),
        (
            #"{"name": "a", "role": "pull", "secret": "s", "names": []}"#,
            "token 'a': 'names' is a list of regular expressions"
        ),
        (
            #"{"name": "a", "role": "pull", "secret": "s"}, {"name": "a", "role": "pull", "secret": "t"}"#,
            "two tokens are named 'a'"
        ),
        (
            #"{"name": "a", "role": "pull", "secret": "s"}, {"name": "b", "role": "push", "secret": "s"}"#,
            "the token 'b' is another one's too"
        ),
        ("", "the list 'tokens' is empty"),
    ])
    func `a list with a mistake is refused, and says which token is wrong`(tokens: String, text: String) {
        #expect(problem(tokens) == text)
    }

    @Test func `what is no list of tokens is refused`() {
        for text in ["", "[]", "{}", #"{"tokens": 1}"#] {
            #expect(throws: TokenTable.Problem.self, "\(text)") { try TokenTable(Array(text.utf8)) }
        }
    }

    @Test func `the token of a request is a bearer's, or any user's password`() {
        #expect(RegistryTokens.secret("Bearer abc") == Array("abc".utf8))
        #expect(RegistryTokens.secret("basic c3dvb3A6YWJj") == Array("abc".utf8))
        // `:a:b`
        #expect(RegistryTokens.secret("Basic OmE6Yg==") == Array("a:b".utf8))
        for header in [nil, "", "Bearer", "abc", "Digest abc", "Basic abc", "Basic YWJj"] {
            #expect(RegistryTokens.secret(header) == nil, "\(header ?? "none")")
        }
    }

    @Test func `an address may fail ten times at once and ten times a second, each for itself`() {
        var limit = FailureLimit(10, per: 1)
        let (one, other) = (Source(ipv4: 1), Source(ipv4: 2))
        for _ in 0..<10 {
            #expect(!limit.isSpent(one, at: 5))
            limit.fail(one, at: 5)
        }
        #expect(limit.isSpent(one, at: 5))
        #expect(!limit.isSpent(other, at: 5))
        #expect(limit.isSpent(one, at: 5.05))
        #expect(!limit.isSpent(one, at: 5.11))
        limit.fail(one, at: 5.11)
        #expect(limit.isSpent(one, at: 5.11))
        #expect(!limit.isSpent(one, at: 6.2))
    }
}
