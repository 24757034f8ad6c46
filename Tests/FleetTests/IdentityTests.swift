import Fleet
import Hashing
import Testing
import Text

@Suite struct IdentityTests {
    private let pin = SHA256.digest([7])
    private let one = NodeID(publicKey: [1])
    private let other = NodeID(publicKey: [2])

    private func grant(uses: Int = 1, name: String? = nil) throws -> (EnrolmentToken, EnrolmentGrant) {
        let token = try #require(EnrolmentToken(random: Array(0..<40), pin: pin))
        return (
            token, EnrolmentGrant(id: token.id, secretDigest: token.secretDigest, expires: 3600, uses: uses, name: name)
        )
    }

    @Test func `a token is read as it was written, and nothing else is one`() throws {
        let token = try grant().0
        #expect(EnrolmentToken(token.text.value) == token)
        #expect("\(token.text)" == "<secret>")
        let text = token.text.value
        for wrong in [
            "", "swt1", "swt2" + text.dropFirst(4), text + ".x", String(text.dropLast()),
            text.replacing(".", with: ","),
        ] {
            #expect(EnrolmentToken(wrong) == nil)
        }
    }

    @Test func `a token is used once, and the host that used it may ask again`() throws {
        var (token, grant) = try grant()
        #expect(try grant.use(secret: token.secret, isAgain: false, named: "a", at: 10) == .joins)
        #expect(throws: EnrolmentRefusal.used) {
            try grant.use(secret: token.secret, isAgain: false, named: "b", at: 11)
        }
        #expect(try grant.use(secret: token.secret, isAgain: true, named: "a", at: 12) == .again)
        // Also when it has run out since: the reply was lost, not the right.
        #expect(try grant.use(secret: token.secret, isAgain: true, named: "a", at: 4000) == .again)
    }

    @Test func `a host that was removed since needs a use of its own`() throws {
        var (token, grant) = try grant(uses: 2)
        func join(isAgain: Bool, at now: Double = 10) throws -> EnrolmentGrant.Outcome {
            try grant.use(secret: token.secret, isAgain: isAgain, named: "a", at: now)
        }
        #expect(try join(isAgain: false) == .joins)
        #expect(try join(isAgain: false) == .joins)
        #expect(throws: EnrolmentRefusal.used) { try join(isAgain: false) }
        #expect(throws: EnrolmentRefusal.expired) { try join(isAgain: false, at: 3600) }
        grant.isRevoked = true
        #expect(throws: EnrolmentRefusal.revoked) { try join(isAgain: false) }
        #expect(try join(isAgain: true) == .again)
    }

    @Test func `a token that ran out, was revoked, or is for another, is refused`() throws {
        var (token, grant) = try grant(uses: 3, name: "web-1")
        #expect(throws: EnrolmentRefusal.unknown) {
            try grant.use(secret: Secret("x"), isAgain: false, named: "web-1", at: 1)
        }
        #expect(throws: EnrolmentRefusal.name("web-1")) {
            try grant.use(secret: token.secret, isAgain: false, named: "a", at: 1)
        }
        #expect(throws: EnrolmentRefusal.expired) {
            try grant.use(secret: token.secret, isAgain: false, named: "web-1", at: 3600)
        }
        grant.isRevoked = true
        #expect(throws: EnrolmentRefusal.revoked) {
            try grant.use(secret: token.secret, isAgain: false, named: "web-1", at: 1)
        }
        #expect(grant.used == 0)
    }

    @Test func `a key starts the job that it was made for, once`() throws {
        let key = [UInt8](repeating: 9, count: 32)
        let content = JobContent(infoHashes: ["aa"], files: 2, bytes: 30)
        func binding(
            job: String = "j1", sender: NodeID? = nil, name: String = "web", version: Int = 3,
            content other: JobContent? = nil,
            targets: [NodeID]? = nil
        ) -> KeyBinding {
            KeyBinding(
                job: job, sender: sender ?? one, className: name, classVersion: version, content: other ?? content,
                targets: targets ?? [one, self.other])
        }
        let fresh = OneTimeKey(digest: OneTimeKey.digest(of: key), binding: binding(), issued: 100, lifetime: 600)
        let wrong: [(KeyBinding, KeyRefusal)] = [
            (binding(job: "j2"), .sender), (binding(sender: other), .sender), (binding(name: "db"), .class),
            (binding(version: 4), .class),
            (binding(content: JobContent(infoHashes: ["bb"], files: 2, bytes: 30)), .content),
            (binding(content: JobContent(infoHashes: ["aa"], files: 2, bytes: 31)), .content),
            (binding(targets: [one]), .targets),
        ]
        var used = fresh
        for (wanted, refusal) in wrong { #expect(throws: refusal) { try used.start(wanted, with: key, at: 200) } }
        #expect(throws: KeyRefusal.unknown) { try used.start(binding(), with: [1], at: 200) }
        #expect(throws: KeyRefusal.expired) { try used.start(binding(), with: key, at: 700) }
        // The order of targets does not count.
        try used.start(binding(targets: [other, one]), with: key, at: 200)
        #expect(throws: KeyRefusal.used) { try used.start(binding(), with: key, at: 201) }
        #expect(used.used == 200)
        // The request that has used it is the same once more, and nothing else is.
        var named = fresh
        let isFirst = try named.start(binding(), with: key, request: "r1", at: 200)
        let isFirstAgain = try named.start(binding(), with: key, request: "r1", at: 900)
        #expect(isFirst && !isFirstAgain)
        #expect(throws: KeyRefusal.used) { try named.start(binding(), with: key, request: "r2", at: 201) }
        #expect(throws: KeyRefusal.used) { try named.start(binding(), with: key, at: 201) }
        #expect(throws: KeyRefusal.used) { try named.start(binding(sender: other), with: key, request: "r1", at: 201) }
    }
}
