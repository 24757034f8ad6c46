import Hashing
import Registry
import Testing

@Suite struct NameTests {
    @Test(arguments: ["a", "team/app", "A-1/b.c/d_e", "0", "film/The.Film_2K"])
    func `names of content`(text: String) { #expect(ContentName(text)?.text == text) }

    @Test(arguments: [
        "", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "-a", ".a", "_a", "a b", "a\u{0}", "ä", "a:b", "a@b", "a\\b",
        "a/.b",
    ])
    func `texts that are no names`(text: String) { #expect(ContentName(text) == nil) }

    @Test func `a name has at most 16 components and 255 bytes`() {
        #expect(ContentName(Array(repeating: "a", count: 16).joined(separator: "/")) != nil)
        #expect(ContentName(Array(repeating: "a", count: 17).joined(separator: "/")) == nil)
        #expect(ContentName(String(repeating: "a", count: 255)) != nil)
        #expect(ContentName(String(repeating: "a", count: 256)) == nil)
        #expect(ContentName("team/app")?.lastComponent == "app")
    }

    @Test func `tags begin with a letter, a digit or an underscore`() {
        for text in ["latest", "_x", "1.0", "v1.0-rc.1", String(repeating: "t", count: 128)] {
            #expect(Tag(text)?.text == text)
        }
        for text in ["", ".x", "-x", "a/b", "a:b", "a b", "ä", "..", String(repeating: "t", count: 129)] {
            #expect(Tag(text) == nil)
        }
    }

    @Test func `digests are sha256 with 64 lower-case digits`() {
        let digest = BlobDigest(SHA256.digest([]))
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        #expect(digest.description == "sha256:\(hex)")
        #expect(BlobDigest("sha256:\(hex)") == digest)
        for text in ["", hex, "sha256:", "sha256:\(hex.dropLast())", "sha256:\(hex)0", "sha256:\(hex.uppercased())"] {
            #expect(BlobDigest(text) == nil)
        }
        #expect(throws: BlobDigest.Problem.algorithm("sha512")) { try BlobDigest(parsing: "sha512:ab") }
        #expect(throws: BlobDigest.Problem.malformed) { try BlobDigest(parsing: "../x:ab") }
    }

    @Test func `references are read as they are written`() throws {
        let digest = BlobDigest(SHA256.digest([1]))
        #expect(Reference("app")?.description == "app:latest")
        #expect(Reference("team/app:1.0")?.version == .tag(try #require(Tag("1.0"))))
        #expect(Reference("team/app@\(digest)")?.version == .digest(digest))
        for text in ["", ":1", "app:", "app@", "app@1.0", "app:1:2", "app:1@\(digest)", "a/../b:1"] {
            #expect(Reference(text) == nil)
        }
    }
}

@Suite struct TagRulesTests {
    private let name = ContentName("team/app")
    private let one = BlobDigest(SHA256.digest([1]))
    private let two = BlobDigest(SHA256.digest([2]))

    @Test func `a tag is immutable unless a pattern says otherwise`() throws {
        let (name, version) = (try #require(name), try #require(Tag("1.0")))
        let rules = try TagRules()
        #expect(rules.decide(name, version, one, present: nil, former: nil, expected: nil) == .put)
        #expect(rules.decide(name, version, one, present: one, former: nil, expected: nil) == .same)
        #expect(rules.decide(name, version, two, present: one, former: nil, expected: nil) == .taken(one))
        #expect(rules.decide(name, .latest, two, present: one, former: nil, expected: nil) == .put)
        #expect(
            try TagRules(mutable: [".*"]).decide(name, version, two, present: one, former: nil, expected: nil) == .put)
    }

    @Test func `a deleted immutable tag comes back with its old digest only`() throws {
        let (name, version, rules) = (try #require(name), try #require(Tag("1.0")), try TagRules())
        #expect(rules.decide(name, version, two, present: nil, former: one, expected: nil) == .taken(one))
        #expect(rules.decide(name, version, one, present: nil, former: one, expected: nil) == .put)
    }

    @Test func `If-Match is held against what the tag names`() throws {
        let (name, rules) = (try #require(name), try TagRules())
        #expect(rules.decide(name, .latest, two, present: one, former: nil, expected: two) == .moved(one))
        #expect(rules.decide(name, .latest, two, present: nil, former: nil, expected: one) == .moved(nil))
        #expect(rules.decide(name, .latest, two, present: one, former: nil, expected: one) == .put)
    }

    @Test func `a pattern matches the whole of name and tag`() throws {
        #expect(try NamePatterns(["team/.*"]).match("team/app"))
        #expect(try !NamePatterns(["team"]).match("team/app"))
        #expect(throws: NamePatterns.Malformed.self) { try NamePatterns(["("]) }
    }
}

@Suite struct PlacementTests {
    @Test func `owners do not depend on the order of the list`() {
        let hosts = (0..<9).map { "10.0.0.\($0):15002" }
        for byte in UInt8(0)..<50 {
            let digest = BlobDigest(SHA256.digest([byte]))
            let owners = Rendezvous.owners(of: digest, among: hosts, count: 3)
            #expect(owners.count == 3)
            #expect(Rendezvous.owners(of: digest, among: hosts.reversed() + hosts, count: 3) == owners)
        }
    }

    @Test func `a host that goes takes only its own blobs along, and each host owns its share`() {
        let hosts = (0..<5).map { "origin\($0)" }
        var owned: [String: Int] = [:]
        for number in 0..<1000 {
            let digest = BlobDigest(SHA256.digest(Array("\(number)".utf8)))
            let owners = Rendezvous.owners(of: digest, among: hosts, count: 2)
            for owner in owners { owned[owner, default: 0] += 1 }
            let left = Rendezvous.owners(of: digest, among: hosts.filter { $0 != "origin3" }, count: 2)
            #expect(left.starts(with: owners.filter { $0 != "origin3" }))
        }
        for host in hosts { #expect((320...480).contains(owned[host] ?? 0)) }
    }

    @Test func `pauses double up to the longest`() {
        let backoff = Backoff()
        #expect((1...4).map { backoff.pause(afterFailures: $0) } == [1, 2, 4, 8])
        #expect(backoff.pause(afterFailures: 9) == 256)
        #expect(backoff.pause(afterFailures: 10) == 300)
        #expect(backoff.pause(afterFailures: .max) == 300)
    }

    @Test(arguments: [
        (["team/.*:latest"], ["team/"]), (["team/app:1", "other/app:.*"], ["team/app", "other/app"]),
        (["teams?/app:.*"], ["team"]), (["a+/b"], [""]), (["team/(app|web):.*"], [""]), ([".*"], [""]),
        (["film/a\\.b:.*"], ["film/a"]), (["team/x{2}:.*"], ["team/"]), (["^team/app:1"], [""]),
    ])
    func `names that can have something of a pattern begin with its plain text`(
        patterns: [String], prefixes: [String]
    ) throws { #expect(try NamePatterns(patterns).namePrefixes == Set(prefixes)) }
}
