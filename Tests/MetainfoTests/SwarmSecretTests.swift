import Hashing
import Metainfo
import Testing

@Suite struct `The secret of a swarm` {
    private let v1 = SHA1.digest(Array("info".utf8))
    private let v2 = SHA256.digest(Array("info".utf8))
    private let secret = SwarmSecret(bytes: Array(0..<32))

    /// Made with `openssl dgst -sha256 -hmac`, and Python's hmac module.
    @Test func `makes the hash that others make of it`() throws {
        let hash = try #require(SHA1Digest(bytes: Array(0..<20)))
        let text = SwarmSecret(text: "correct horse battery staple")
        #expect(text.wireHash(of: hash).hex == "8dea73e4b1d534b3c5ff148ffa68f9471b5094d6")
        #expect(secret.wireHash(of: v1).hex == "2662c3e8b46a6310d7abdee4749a1266aee62398")
        #expect(secret.wireHash(of: v2.truncated).hex == "748496840bb54948c8975fa94c6ef00b190b9ede")
    }

    @Test func `leaves a torrent of any version one hash`() throws {
        let hybrid = try #require(InfoHashes(v1: v1, v2: v2))
        for (hashes, of) in [(InfoHashes(v1: v1), v1), (hybrid, v1), (InfoHashes(v2: v2), v2.truncated)] {
            let wire = WireHashes(hashes, secret: secret)
            #expect(wire.all == [secret.wireHash(of: of)])
            #expect(wire.primary == wire.all.first)
            #expect(wire.second == nil)
        }
        let open = WireHashes(hybrid, secret: nil)
        #expect(open.all == [v1, v2.truncated] && open.primary == v1 && open.second == v2.truncated)
    }

    @Test func `is told from another, and shown to nobody`() {
        #expect(secret == SwarmSecret(bytes: Array(0..<32)))
        #expect(secret != SwarmSecret(bytes: Array(1..<33)))
        #expect("\(secret)" == "<secret>" && String(reflecting: secret) == "<secret>")
        #expect(Mirror(reflecting: secret).children.isEmpty)
        #expect("\(TestHolder(secret: secret))".contains("<secret>"))
    }

    private struct TestHolder { let secret: SwarmSecret }
}
