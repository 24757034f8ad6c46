import BFT
import Foundation
import NodeAPI
import TestSupport
import Testing

@Suite("A node's servers with TLS")
struct TLSTests {
    private func certificate(_ place: String) async throws {
        let made = try await Command.ending([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "2", "-subj", "/CN=node", "-addext", "subjectAltName=DNS:localhost", "-keyout", place + "/key.pem", "-out",
            place + "/chain.pem",
        ])
        try #require(made.status == 0)
    }

    private func curl(_ url: String, _ port: Int, trusting file: String) async throws -> String {
        try await Command.ending([
            "curl", "-s", "-m", "10", "-w", "%{http_code}", "--cacert", file, "--resolve",
            "localhost:\(port):127.0.0.1", url,
        ]).output
    }

    @Test(arguments: [false, true])
    func `the API speaks it where there is a certificate, the file server where it is told to`(isWWWToo: Bool)
        async throws
    {
        try await withDirectory { place in
            try await certificate(place)
            try Data("hello ".utf8).write(to: URL(filePath: place + "/a"))
            var configuration = NodeConfiguration(role: .sender)
            configuration.tlsCertificate = place + "/chain.pem"
            configuration.tlsKey = place + "/key.pem"
            configuration.wwwSpeaksTLS = isWWWToo
            let certificates = try NodeCertificates(configuration)
            try await withServer(content: place) {
                $0.certificates = certificates
            } _: { server async throws in
                let (api, www) = (server.address.port, server.wwwAddress?.port ?? 0)
                let trusted = place + "/chain.pem"
                #expect(try await curl("https://localhost:\(api)/version", api, trusting: trusted) == "2.001200")
                #expect(try await curl("http://localhost:\(api)/version", api, trusting: trusted) == "000")
                for (scheme, isServed) in [("https", isWWWToo), ("http", !isWWWToo)] {
                    let answer = try await curl("\(scheme)://localhost:\(www)/dcp/a", www, trusting: trusted)
                    #expect((answer == "hello 200") == isServed, "\(answer)")
                }
                // A new certificate under the old names.
                try FileManager.default.moveItem(atPath: trusted, toPath: place + "/old.pem")
                try await certificate(place)
                try certificates?.reload()
                #expect(try await curl("https://localhost:\(api)/version", api, trusting: trusted) == "2.001200")
                #expect(
                    try await curl("https://localhost:\(api)/version", api, trusting: place + "/old.pem") == "000")
            }
        }
    }

    @Test
    func `without a certificate there is none, and a wrong file is named`() throws {
        var configuration = NodeConfiguration(role: .sender)
        let none = try NodeCertificates(configuration)
        #expect(none == nil)
        configuration.tlsCertificate = "/nowhere/chain.pem"
        configuration.tlsKey = "/nowhere/key.pem"
        #expect { try NodeCertificates(configuration) } throws: { "\($0)".contains("/nowhere/chain.pem") }
    }
}
