import Foundation
import HTTPServing
import HTTPTransport
import RegistryAccess
import TestSupport
import Testing

struct OwnAccessTests {
    private func mode(_ path: String) throws -> Int {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int ?? 0
    }

    @Test func `a registry makes files that only its user reads, and makes them once`() throws {
        let place = try TemporaryDirectory()
        let own = OwnAccess(data: place.path + "/data")
        try own.make(hosts: ["192.0.2.7", "registry.example"], now: 1_800_000_000)
        #expect(try mode(own.path) == 0o700)
        let files = try FileManager.default.contentsOfDirectory(atPath: own.path).sorted()
        #expect(
            files == [
                "admin.token", "certificate.pem", "cluster.token", "key.pem", "pull.token", "push.token", "tokens.json",
            ])
        for file in files { #expect(try mode("\(own.path)/\(file)") == 0o600, "\(file)") }
        let tokens = try String(contentsOfFile: own.tokens, encoding: .utf8)
        for role in RegistryRoles.all {
            let token = try String(contentsOfFile: own.token(role), encoding: .utf8).trimmingCharacters(in: .newlines)
            #expect(token.count == 64 && !tokens.contains(token))
            let found = try TokenTable(Array(tokens.utf8)).find(Array(token.utf8), at: 0)
            #expect(found == .caller(Caller(name: role.name, role: role)))
        }
        let before = try Data(contentsOf: URL(fileURLWithPath: own.tls.chain))
        try own.make(hosts: ["192.0.2.7"], now: 1_800_000_000)
        #expect(try Data(contentsOf: URL(fileURLWithPath: own.tls.chain)) == before)
        #expect(try String(contentsOfFile: own.tokens, encoding: .utf8) == tokens)
    }

    @Test func `the certificate is one that OpenSSL reads, for its hosts, and its digest is what OpenSSL prints`()
        async throws
    {
        let place = try TemporaryDirectory()
        let own = OwnAccess(data: place.path)
        try own.make(hosts: ["192.0.2.7", "2001:db8::7", "registry.example"], now: 1_800_000_000)
        let text = try await Command.ending([
            "openssl", "x509", "-in", own.tls.chain, "-noout", "-text", "-fingerprint", "-sha256",
        ])
        #expect(text.status == 0)
        for part in [
            "IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7, DNS:registry.example", "CA:FALSE",
            "TLS Web Server Authentication", "Digital Signature", "Issuer: CN = swoop registry",
            "Not Before: Jan 14 08:00:00 2027 GMT",
        ] { #expect(text.output.contains(part), "\(part) in \(text.output)") }
        let verified = try await Command.ending([
            "openssl", "verify", "-attime", "1800000000", "-CAfile", own.tls.chain, "-verify_ip", "192.0.2.7",
            own.tls.chain,
        ])
        #expect(verified.status == 0, "\(verified.output)")
        let line = try #require(text.output.split(separator: "\n").first { $0.lowercased().contains("fingerprint=") })
        let pin = try #require(CertificatePin(String(line.split(separator: "=")[1])))
        #expect(pin == CertificatePin(certificate: try Certificates(own.tls).certificate))
    }

    @Test func `a certificate may last beyond 2049`() throws {
        let place = try TemporaryDirectory()
        try OwnAccess(data: place.path).make(hosts: ["localhost"], now: 2_400_000_000)
        #expect(try !Certificates(OwnAccess(data: place.path).tls).certificate.isEmpty)
    }

    @Test func `a file of tokens that others read is refused, and a mistake leaves those before in force`() throws {
        let place = try TemporaryDirectory()
        let path = place.path + "/tokens.json"
        try Data(#"{"tokens": [{"name": "a", "role": "pull", "secret": "hidden"}]}"#.utf8)
            .write(to: URL(fileURLWithPath: path))
        chmod(path, 0o640)
        #expect {
            try RegistryTokens(path: path)
        } throws: { "\($0)" == "others can read or change \(path): it needs mode 600" }
        chmod(path, 0o600)
        let tokens = try RegistryTokens(path: path)
        try Data(#"{"tokens": [{"name": "a", "role": "pul", "secret": "hidden"}]}"#.utf8)
            .write(to: URL(fileURLWithPath: path))
        #expect {
            try tokens.reload()
        } throws: { "\($0)".hasPrefix("\(path): token 'a': 'role'") && !"\($0)".contains("hidden") }
    }
}
