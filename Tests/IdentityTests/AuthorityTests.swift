import Hashing
import Identity
import TestSupport
import Testing
import Text

/// 2026-11-29, in seconds since 1970.
private let now = 1_795_900_000.0
private let day = 86_400.0

@Suite struct AuthorityTests {
    @Test func `An authority vouches for the nodes that it made, and their certificates say what they are for`() throws
    {
        let authority = try Authority(now: now)
        let key = HostKey()
        let node = try authority.node("n-abcdefghijklmnop", key: #require(PublicKey(der: key.publicKey)), now: now)
        #expect(node.subject == "n-abcdefghijklmnop")
        #expect(node.purposes == [.client])
        #expect(node.publicKey.der == key.publicKey)
        #expect(node.begins == now - 48 * 3600)
        #expect(node.ends == now + 30 * day)
        #expect(!node.isAuthority)
        #expect(authority.trusted.vouches(for: node))
        let read = try HostCertificate(pem: node.pem)
        #expect(read == node)
        #expect(!node.isDue(at: now + 18 * day))
        #expect(node.isDue(at: now + 20 * day))
        #expect(node.hasRunOut(at: now + 31 * day))
    }

    @Test func `Nobody vouches for certificates of another authority of the same name, or for itself`() throws {
        let (authority, other) = (try Authority(now: now), try Authority(now: now))
        let key = try #require(PublicKey(der: HostKey().publicKey))
        let node = try other.node("n-abcdefghijklmnop", key: key, now: now)
        #expect(!authority.trusted.vouches(for: node))
        #expect(!authority.trusted.vouches(for: authority.trusted.certificate))
        #expect(authority.pin != other.pin)
        #expect(throws: IdentityProblem.self) { try TrustedAuthority(node) }
    }

    @Test func `A server's certificate has its names and addresses and is no client's`() throws {
        let authority = try Authority(now: now)
        let key = try #require(PublicKey(der: HostKey().publicKey))
        let server = try authority.server(["control.example", "127.0.0.1", "::1"], key: key, now: now)
        #expect(server.purposes == [.server])
        #expect(authority.trusted.vouches(for: server))
    }

    @Test func `The key comes back from the database only with the secret that it was sealed under`() throws {
        let (secret, other) = (SealingSecret(), SealingSecret())
        let authority = try Authority(now: now)
        let sealed = try authority.sealedKey(under: secret)
        let opened = try Authority(certificate: authority.certificate, sealed: sealed, under: secret)
        #expect(opened.pin == authority.pin)
        let key = try #require(PublicKey(der: HostKey().publicKey))
        #expect(authority.trusted.vouches(for: try opened.node("n", key: key, now: now)))
        #expect(throws: IdentityProblem.self) {
            try Authority(certificate: authority.certificate, sealed: sealed, under: other)
        }
        for place in [0, sealed.count / 2, sealed.count - 1] {
            var changed = sealed
            changed[place] ^= 1
            #expect(throws: IdentityProblem.self) {
                try Authority(certificate: authority.certificate, sealed: changed, under: secret)
            }
        }
        let stranger = try Authority(now: now)
        #expect(throws: IdentityProblem.self) {
            try Authority(certificate: stranger.certificate, sealed: sealed, under: secret)
        }
    }

    @Test func `OpenSSL takes the certificates and verifies what they are for`() async throws {
        try await withDirectory { directory in
            let authority = try Authority(now: now)
            let key = HostKey()
            let public_ = try #require(PublicKey(der: key.publicKey))
            func write(_ name: String, _ text: String) throws -> String {
                let path = "\(directory)/\(name)"
                _ = try PrivateFile.create(path, Array(text.utf8))
                return path
            }
            let root = try write("ca.pem", authority.trusted.pem)
            let node = try write("node.pem", authority.node("n-abcdefghijklmnop", key: public_, now: now).pem)
            let server = try write("server.pem", authority.server(["localhost", "::1"], key: public_, now: now).pem)
            func verify(_ words: [String]) async throws -> Command {
                try await Command.ending(
                    ["openssl", "verify", "-x509_strict", "-attime", "\(Int(now))", "-CAfile", root] + words)
            }
            #expect(try await verify(["-purpose", "sslclient", node]).status == 0)
            #expect(try await verify(["-purpose", "sslserver", node]).status != 0)
            #expect(try await verify(["-purpose", "sslserver", "-verify_hostname", "localhost", server]).status == 0)
            #expect(try await verify(["-purpose", "sslserver", "-verify_ip", "::1", server]).status == 0)
            #expect(try await verify(["-purpose", "sslserver", "-verify_hostname", "other", server]).status != 0)
            #expect(try await verify(["-purpose", "sslclient", server]).status != 0)
            let request = try write("request.der", "")
            try PrivateFile.replace(request, SigningRequest.make(key, named: "host"))
            let checked = try await Command.ending(
                ["openssl", "req", "-inform", "DER", "-in", request, "-verify", "-noout"])
            #expect(checked.status == 0, "\(checked.errors)")
        }
    }
}
