import Crypto
import Identity
import SwiftASN1
import TestSupport
import Testing
import Text
import X509

@Suite struct SigningRequestTests {
    @Test func `A request says its key`() throws {
        let key = HostKey()
        let request = try SigningRequest.make(key, named: "web-1")
        #expect(try SigningRequest.check(request).der == key.publicKey)
    }

    @Test func `Requests of other keys, and those that are not signed by their own, are refused`() throws {
        func request(_ key: Certificate.PrivateKey) throws -> [UInt8] {
            let request = try CertificateSigningRequest(
                version: .v1, subject: DistinguishedName { CommonName("x") }, privateKey: key, attributes: .init())
            var serializer = DER.Serializer()
            try request.serialize(into: &serializer)
            return serializer.serializedBytes
        }
        #expect(throws: IdentityProblem.self) { try SigningRequest.check(request(.init(P384.Signing.PrivateKey()))) }
        #expect(throws: IdentityProblem.self) {
            try SigningRequest.check(request(.init(Curve25519.Signing.PrivateKey())))
        }
        // One key's name, another's signature.
        let (one, other) = (
            try SigningRequest.make(HostKey(), named: "x"), try SigningRequest.make(HostKey(), named: "x")
        )
        let forged = Array(one.prefix(one.count - 72)) + other.suffix(72)
        #expect(throws: IdentityProblem.self) { try SigningRequest.check(forged) }
        #expect(throws: IdentityProblem.self) { try SigningRequest.check(one + Array(repeating: 0, count: 5000)) }
        #expect(throws: IdentityProblem.self) { try SigningRequest.check([]) }
    }

    @Test(arguments: 0..<8) func `Bytes that were changed, cut or nested are never taken, and never trap`(_ seed: Int)
        throws
    {
        var random = SeededGenerator(seed: UInt64(seed))
        let key = HostKey()
        let request = try SigningRequest.make(key, named: "x")
        let certificate = try Authority(now: 1_795_900_000).certificate
        for _ in 0..<400 {
            for good in [request, certificate] {
                var bytes = good
                for _ in 0...Int.random(in: 0..<4, using: &random) {
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0:
                        bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
                    case 1: bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
                    case 2:
                        let place = Int.random(in: 0..<bytes.count, using: &random)
                        bytes.insert(contentsOf: bytes[..<place], at: place)
                    default: bytes = [0x30, 0x82, UInt8(bytes.count >> 8 & 255), UInt8(bytes.count & 255)] + bytes
                    }
                    if bytes.isEmpty { bytes = [0x30] }
                }
                if bytes != request { #expect((try? SigningRequest.check(bytes)) == nil) }
                if let read = try? HostCertificate(der: bytes), bytes != certificate {
                    #expect((try? TrustedAuthority(read)) == nil)
                }
            }
        }
        // Deep nesting.
        var nested: [UInt8] = [0x05, 0x00]
        while nested.count < 4000 {
            nested = [0x30, 0x82, UInt8(nested.count >> 8), UInt8(nested.count & 255)] + nested
        }
        #expect((try? SigningRequest.check(nested)) == nil)
        #expect((try? HostCertificate(der: nested)) == nil)
    }
}
