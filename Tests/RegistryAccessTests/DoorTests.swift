import Address
import Admission
import BlobNode
import Blobs
import Foundation
import HTTPServing
import HTTPTransport
import Logging
import NameIndex
import Origin
import Registry
import RegistryAccess
import RegistryClient
import Swarm
import TestSupport
import Testing
import Text

/// A registry with tokens and TLS on free ports of loopback.
private struct Doors {
    let place: TemporaryDirectory
    let own: OwnAccess
    let tokens: RegistryTokens
    let certificates: Certificates
    let server: RegistryServer
    let node: BlobNode

    static let secrets = """
        {"name": "one", "role": "admin", "secret": "one-secret", "names": ["one/.*"]},
        {"name": "two", "role": "push", "secret": "two-secret", "names": ["two/.*"]},
        {"name": "reader", "role": "pull", "secret": "reader-secret"},
        {"name": "boss", "role": "admin", "secret": "boss-secret"},
        {"name": "old", "role": "admin", "secret": "old-secret", "expires": "2020-01-01"}
        """

    static func write(_ tokens: String, to path: String) throws {
        try Data(#"{"tokens": [\#(tokens)]}"#.utf8).write(to: URL(fileURLWithPath: path))
        chmod(path, 0o600)
    }

    /// What curl gets.
    func curl(_ path: String, _ token: String? = nil, _ options: String...) async throws -> (status: Int, text: String)
    {
        let credentials = token.map { ["-H", "Authorization: Bearer \($0)"] } ?? []
        let command = try await Command.ending(
            ["curl", "-s", "-m", "10", "-w", "\n%{http_code}", "--cacert", own.tls.chain] + credentials + options
                + ["https://\(server.addresses[0])\(path)"])
        let lines = command.output.split(separator: "\n", omittingEmptySubsequences: false)
        return (Int(lines.last ?? "") ?? -1, lines.dropLast().joined(separator: "\n"))
    }

    /// Pushes a blob in one request.
    func push(_ digest: String, _ file: String, to name: String, _ token: String) async throws -> Int {
        try await curl(
            "/v2/\(name)/blobs/uploads/?digest=\(digest)", token, "-X", "POST", "--data-binary", "@\(file)", "-H",
            "Content-Type: application/octet-stream"
        ).status
    }
}

private func withDoors(
    isolation: isolated (any Actor)? = #isolation, _ body: (Doors) async throws -> Void
) async throws {
    let place = try TemporaryDirectory()
    let own = OwnAccess(data: place.path)
    try own.make(hosts: ["127.0.0.1"], now: Int64(Date().timeIntervalSince1970))
    try Doors.write(Doors.secrets, to: own.tokens)
    let (tokens, certificates) = (try RegistryTokens(path: own.tokens), try Certificates(own.tls))
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let admission = Admission()
    var configuration = SwarmNode.Configuration()
    configuration.admission = admission
    let swarm = try SwarmNode(configuration: configuration, logger: logger)
    let node = BlobNode(
        directory: try BlobDirectory(path: place.path), swarm: swarm, options: TransferOptions(), logger: logger)
    let index = try await SQLiteTagStore.open(place.path + "/index.db", rules: try TagRules())
    let server = try await RegistryServer.start(
        at: [ListenAddress(host: "127.0.0.1", port: 0)], node: node, index: index, peers: "", trackers: [],
        swarms: SwarmTerms(Secret("how swarms are found"), open: try NamePatterns(["public/.*"])),
        access: .tokens(tokens), certificates: certificates, admission: admission, logger: logger)
    let doors = Doors(
        place: place, own: own, tokens: tokens, certificates: certificates, server: server, node: node)
    var problem: (any Error)?
    do { try await body(doors) } catch { problem = error }
    await server.stop()
    await swarm.shutdown()
    await index.close()
    if let problem { throw problem }
}

struct DoorTests {
    /// A blob of `hello`.
    private static let digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

    private static func blob(_ doors: Doors) throws -> String {
        let path = doors.place.path("blob")
        try Data("hello".utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test func `without a token every door asks for one, in the way that its clients know`() async throws {
        try await withDoors { doors async throws in
            for path in ["/v2/", "/v2/_catalog", "/v2/one/a/tags/list"] {
                let answer = try await doors.curl(path, nil, "-i")
                #expect(answer.status == 401, "\(path)")
                #expect(answer.text.lowercased().contains(#"www-authenticate: basic realm="swoop""#), "\(answer.text)")
                #expect(answer.text.contains("UNAUTHORIZED"))
            }
            for path in ["/v1/names", "/v1/cluster", "/v1/resolve/one/a:1", "/namespace/one/a/blobs/\(Self.digest)"] {
                let answer = try await doors.curl(path, nil, "-i")
                #expect(answer.status == 401, "\(path)")
                #expect(answer.text.lowercased().contains("www-authenticate: bearer"), "\(answer.text)")
            }
            #expect(try await doors.curl("/health").status == 200)
        }
    }

    @Test func `the swarms' secret is told to whoever shows a token, and to nobody else`() async throws {
        try await withDoors { doors async throws in
            let told = try await doors.curl("/v1/cluster", "reader-secret")
            #expect(told.status == 200 && told.text.contains(#""secret":"how swarms are found""#), "\(told)")
            #expect(told.text.contains(#""open":["public/.*"]"#), "\(told)")
            for path in ["/v1/cluster", "/v1/status", "/metrics"] {
                #expect(try await !doors.curl(path, nil, "-i").text.contains("how swarms are found"))
            }
            for path in ["/v1/status", "/metrics"] {
                #expect(try await !doors.curl(path, "reader-secret", "-i").text.contains("how swarms are found"))
            }
        }
    }

    @Test func `a token is taken as a bearer's and as any user's password, and a wrong or old one is told so`()
        async throws
    {
        try await withDoors { doors async throws in
            #expect(try await doors.curl("/v2/", "reader-secret").status == 200)
            for user in ["swoop", "anybody", ""] {
                #expect(try await doors.curl("/v2/", nil, "-u", "\(user):reader-secret").status == 200)
            }
            let wrong = try await doors.curl("/v2/", "reader-secre")
            #expect(wrong.status == 401 && wrong.text.contains("the token is wrong"), "\(wrong)")
            let old = try await doors.curl("/v2/", "old-secret")
            #expect(old.status == 401 && old.text.contains("the token has expired"), "\(old)")
            #expect(!wrong.text.contains("secre"))
        }
    }

    @Test func `a role may do what it may, and hears which one is needed`() async throws {
        try await withDoors { doors async throws in
            let file = try Self.blob(doors)
            #expect(try await doors.push(Self.digest, file, to: "one/a", "reader-secret") == 403)
            let refused = try await doors.curl("/v2/one/a/blobs/uploads/", "reader-secret", "-X", "POST")
            #expect(refused.text.contains("this token does not allow that: the role 'push' is needed"))
            #expect(try await doors.push(Self.digest, file, to: "two/a", "two-secret") == 201)
            #expect(try await doors.curl("/v2/two/a/blobs/\(Self.digest)", "reader-secret").text == "hello")
            #expect(try await doors.curl("/v2/two/a/blobs/\(Self.digest)", "two-secret", "-X", "DELETE").status == 403)
            let tag = "/v1/names/two/a/tags/1"
            let body = #"{"digest": "\#(Self.digest)"}"#
            #expect(try await doors.curl(tag, "reader-secret", "-X", "PUT", "-d", body).status == 403)
            #expect(try await doors.curl(tag, "two-secret", "-X", "PUT", "-d", body).status == 200)
            let kept = try await doors.curl(tag, "two-secret", "-X", "DELETE")
            #expect(kept.status == 403 && kept.text.contains("the role 'admin' is needed"), "\(kept)")
            #expect(try await doors.curl(tag, "boss-secret", "-X", "DELETE").status == 204)
        }
    }

    @Test func `a token of some names sees, mounts and resolves nothing of another`() async throws {
        try await withDoors { doors async throws in
            let file = try Self.blob(doors)
            #expect(try await doors.push(Self.digest, file, to: "one/a", "one-secret") == 201)
            let tagged = try await doors.curl(
                "/v1/names/one/a/tags/1", "one-secret", "-X", "PUT", "-d", #"{"digest": "\#(Self.digest)"}"#)
            #expect(tagged.status == 200, "\(tagged)")
            for path in [
                "/v2/one/a/tags/list", "/v2/one/a/blobs/\(Self.digest)", "/v2/one/a/manifests/1",
                "/v2/one/a/referrers/\(Self.digest)", "/v1/names/one/a/tags", "/v1/names/one/a/tags/1",
                "/v1/names/one/a/history", "/v1/names/one%2Fa/tags", "/v1/resolve/one/a:1", "/v1/resolve/one%2Fa:1",
                "/v1/resolve/one/a@\(Self.digest)", "/namespace/one/a/blobs/\(Self.digest)",
                "/namespace/one%2Fa/blobs/\(Self.digest)", "/namespace/one/a/blobs/\(Self.digest)/metainfo",
            ] {
                let answer = try await doors.curl(path, "two-secret")
                #expect(answer.status == 403, "\(path): \(answer)")
                #expect(answer.text.contains("this token is not for the name one/a"), "\(path): \(answer)")
                let allowed = try await doors.curl(path, "one-secret")
                #expect(allowed.status != 403, "\(path): \(allowed)")
            }
            // What is there and what is not look the same.
            #expect(try await doors.curl("/v2/one/none/tags/list", "two-secret").status == 403)
            // Under its own name it does not have the blob, though the registry does.
            #expect(try await doors.curl("/v2/two/a/blobs/\(Self.digest)", "two-secret").status == 404)
            #expect(try await doors.curl("/namespace/two/a/blobs/\(Self.digest)", "two-secret").status == 404)
            for query in ["mount=\(Self.digest)&from=one/a", "mount=\(Self.digest)"] {
                let answer = try await doors.curl("/v2/two/a/blobs/uploads/?\(query)", "two-secret", "-X", "POST")
                #expect(answer.status == 202, "an upload instead: \(answer)")
            }
            #expect(try await doors.curl("/v2/two/a/blobs/\(Self.digest)", "two-secret").status == 404)
            let mounted = try await doors.curl(
                "/v2/two/a/blobs/uploads/?mount=\(Self.digest)&from=one/a", "boss-secret", "-X", "POST")
            #expect(mounted.status == 201, "\(mounted)")
            #expect(try await doors.curl("/v2/two/a/blobs/\(Self.digest)", "two-secret").text == "hello")
        }
    }

    @Test func `lists have only the names that a token is for`() async throws {
        try await withDoors { doors async throws in
            let file = try Self.blob(doors)
            for name in ["one/a", "one/b", "one/c", "two/a"] {
                #expect(try await doors.push(Self.digest, file, to: name, "boss-secret") == 201)
            }
            #expect(try await doors.curl("/v2/_catalog", "two-secret").text == #"{"repositories":["two/a"]}"#)
            let page = try await doors.curl("/v2/_catalog?n=2", "one-secret", "-i")
            #expect(page.text.contains(#"{"repositories":["one/a","one/b"]}"#), "\(page.text)")
            #expect(page.text.contains("last=one"), "\(page.text)")
            #expect(
                try await doors.curl("/v2/_catalog?n=2&last=one/b", "one-secret").text == #"{"repositories":["one/c"]}"#
            )
            #expect(try await doors.curl("/v1/names", "two-secret").text == #"{"names":["two/a"],"next":null}"#)
            #expect(try await doors.curl("/v1/names", "reader-secret").text.contains("one/a"))
        }
    }

    @Test func `who guesses tokens is stopped after ten, and the right one helps no more until a second has passed`()
        async throws
    {
        try await withDoors { doors async throws in
            // One connection: as fast as it goes.
            let guesses = try await Command.ending(
                ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}\n", "--cacert", doors.own.tls.chain, "-H"]
                    + ["Authorization: Bearer guess", "https://\(doors.server.addresses[0])/v2/?n=[1-60]"])
            let statuses = guesses.output.split(separator: "\n")
            #expect(statuses.prefix(10).allSatisfy { $0 == "401" } && statuses.contains("429"), "\(statuses)")
            var answers: [Int] = []
            let isLetIn = try await eventually(seconds: 10) {
                answers.append(try await doors.curl("/v2/", "reader-secret").status)
                return answers.last == 200
            }
            #expect(isLetIn, "\(answers)")
        }
    }

    @Test func `a client with a pin trusts that certificate alone, and tells a server without TLS nothing`()
        async throws
    {
        try await withDoors { doors async throws in
            let right = CertificatePin(certificate: doors.certificates.certificate)
            let wrong = try #require(CertificatePin(String(repeating: "0", count: 64)))
            func ask(_ pin: CertificatePin?, _ scheme: String = "https") async throws -> String {
                var settings = HTTPTransportSettings()
                settings.pin = pin
                var options = RegistryClient.Options()
                options.tries = 1
                let client = RegistryClient(
                    base: try #require(HTTPURL("\(scheme)://\(doors.server.addresses[0])")),
                    credential: RegistryCredential("reader-secret"), options: options, settings: settings)
                let answer: String
                do throws(RegistryError) {
                    answer = try await client.document("/v1/cluster", limit: 65_536) == nil ? "nothing" : "a list"
                } catch { answer = error.cause ?? error.description }
                await client.shutdown()
                return answer
            }
            #expect(try await ask(right) == "a list")
            #expect(
                try await ask(wrong)
                    == "the TLS certificate of 127.0.0.1 is not to be trusted: it is another one than the pinned one")
            #expect(try await ask(nil).hasPrefix("the TLS certificate of 127.0.0.1 is not to be trusted"))
            #expect(try await ask(right, "http") != "a list")
        }
    }

    @Test func `tokens and certificates are read again, and a mistake leaves those before in force`() async throws {
        try await withDoors { doors async throws in
            try Doors.write(#"{"name": "x", "role": "pull"}"#, to: doors.own.tokens)
            #expect(throws: TokenTable.Problem.self) { try doors.tokens.reload() }
            #expect(try await doors.curl("/v2/", "reader-secret").status == 200)
            try Doors.write(#"{"name": "x", "role": "pull", "secret": "new-secret"}"#, to: doors.own.tokens)
            try doors.tokens.reload()
            #expect(try await doors.curl("/v2/", "reader-secret").status == 401)
            #expect(try await doors.curl("/v2/", "new-secret").status == 200)
            let before = doors.certificates.certificate
            try FileManager.default.removeItem(atPath: doors.own.tls.chain)
            #expect(throws: Certificates.Problem.self) { try doors.certificates.reload() }
            #expect(try await doors.curl("/v2/", "new-secret").status == 0, "curl has no certificate to go by")
            #expect(doors.certificates.certificate == before)
            try doors.own.make(hosts: ["127.0.0.1"], now: Int64(Date().timeIntervalSince1970))
            try doors.certificates.reload()
            #expect(doors.certificates.certificate != before)
            #expect(try await doors.curl("/v2/", "new-secret").status == 200)
        }
    }

    @Test func `skopeo logs in with a token, and pushes and reads under its names alone`() async throws {
        try #require(FileManager.default.isExecutableFile(atPath: "/usr/bin/skopeo"), "skopeo is not installed")
        try await withDoors { doors async throws in
            let certificates = try doors.place.directory("certs")
            try FileManager.default.copyItem(atPath: doors.own.tls.chain, toPath: certificates + "/ca.crt")
            let image = try await SampleImage.make(in: try doors.place.directory("image"))
            func copy(_ name: String, _ credentials: [String]) async throws -> Command {
                try await Command.ending(
                    ["skopeo", "--insecure-policy", "copy", "-q", "--dest-cert-dir", certificates] + credentials
                        + ["dir:\(image)", "docker://\(doors.server.addresses[0])/\(name):1"])
            }
            #expect(try await copy("one/img", []).status != 0)
            #expect(try await copy("one/img", ["--dest-creds", "any:wrong"]).status != 0)
            #expect(try await copy("two/img", ["--dest-creds", "any:one-secret"]).status != 0)
            let pushed = try await copy("one/img", ["--dest-creds", "any:one-secret"])
            #expect(pushed.status == 0, "\(pushed.output)")
            let tags = try await Command.ending([
                "skopeo", "list-tags", "--cert-dir", certificates, "--creds", "any:reader-secret",
                "docker://\(doors.server.addresses[0])/one/img",
            ])
            #expect(tags.status == 0 && tags.output.contains(#""1""#), "\(tags.output)")
        }
    }
}
