import Foundation
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import TestSupport
import Testing
import Text

@Suite struct `Who may do what` {
    private static let tokens = [
        BearerTokens.Token(Secret("r"), of: Caller(name: "reader", role: .read)),
        BearerTokens.Token(Secret("o"), of: Caller(name: "operator", role: .operate)),
        BearerTokens.Token(Secret("a"), of: Caller(name: "boss", role: .administer)),
    ]

    @Test(arguments: [
        ("r", [200, 403, 403]), ("o", [200, 200, 403]), ("a", [200, 200, 200]), ("wrong", [401, 401, 401]),
        ("", [401, 401, 401]),
    ])
    func `each role may do what those before it may`(token: String, statuses: [Int]) async throws {
        try await withServer(tokens: Self.tokens) { server async throws in
            for (index, (method, path)) in [("GET", "/things/a"), ("DELETE", "/things/a"), ("PUT", "/settings")]
                .enumerated()
            {
                let answer = try await server.curl(path, "-X", method, "-H", "Authorization: Bearer \(token)")
                #expect(answer.status == statuses[index], "\(method) \(path): \(answer.text)")
            }
            #expect(try await server.curl("/open", "-H", "Authorization: Bearer \(token)").status == 200)
        }
    }

    @Test func `a handler is told who asks, and at an open path who did not show it is nobody`() async throws {
        try await withServer(tokens: Self.tokens) { server async throws in
            #expect(try await server.curl("/things/x", "-H", "Authorization: Bearer o").text == "operator x")
            #expect(try await server.curl("/open").text == "nobody ")
            #expect(try await server.curl("/open", "-H", "Authorization: Bearer a").text == "boss ")
        }
    }

    @Test func `a server may have roles of its own, which include others or stand beside them`() {
        let pull = Role("pull")
        let push = Role("push", including: pull)
        let admin = Role("admin", including: push)
        let cluster = Role("cluster", including: pull)
        #expect(admin.includes(pull) && admin.includes(push) && admin.includes(admin))
        #expect(cluster.includes(pull) && !cluster.includes(push) && !cluster.includes(admin))
        #expect(!pull.includes(push) && !admin.includes(cluster))
        #expect("\(admin)" == "admin")
    }

    /// Of paths with one value and of those whose value has slashes.
    @Test(arguments: [
        ("HEAD", "/things/a", 200, ""), ("PUT", "/things/a", 405, "GET, HEAD, DELETE"),
        ("HEAD", "/names/a/b/tags", 200, ""), ("GET", "/names/a/b/tags", 200, ""),
        ("PUT", "/names/a/b/tags", 405, "GET, HEAD"), ("OPTIONS", "/names/a/b/tags/c", 405, "GET, HEAD, DELETE"),
        ("GET", "/names/a/b/other/c", 404, ""), ("PATCH", "/names/a/b/other/c", 404, ""),
        ("POST", "/names//tags", 404, ""), ("HEAD", "/names/a/events", 200, ""),
    ])
    func `HEAD is answered as GET, and a method that a path does not have is refused with those that it has`(
        method: String, path: String, status: Int, allow: String
    ) async throws {
        func route(_ method: HTTPRequest.Method, _ path: String) -> Route {
            Route(method, path, "", access: .open) { request, _ in .text("\(request.method)") }
        }
        let table = RouteTable(
            title: "", description: "", tokenText: "", schemas: [:], parameters: [:],
            routes: [
                route(.get, "/things/{name}"), route(.delete, "/things/{name}"),
                route(.get, "/names/{name+}/tags"), route(.get, "/names/{name+}/tags/{tag}"),
                route(.delete, "/names/{name+}/tags/{tag}"), route(.get, "/names/{name+}/events"),
                route(.head, "/names/{name+}/events"),
            ])
        let router = Router(context: ServiceContext.self)
        let refuse: RefusalAnswer = { _, status, text in .text(text, status: status) }
        table.add(to: router, refuse: refuse)
        table.addOtherMethods(to: router, refuse: refuse)
        try await withServer(of: router.buildResponder()) { server async throws in
            let answer = try await server.curl(
                path, "-i", "--path-as-is", method == "HEAD" ? "-I" : "-X\(method)")
            let said = answer.text.components(separatedBy: .newlines).first { $0.lowercased().hasPrefix("allow: ") }
            #expect(answer.status == status, "\(answer)")
            #expect(said?.dropFirst(7) ?? "" == allow, "\(answer)")
        }
    }

    @Test(arguments: ["/nothing", "/settings"])
    func `an answer to HEAD has no body, whatever it says`(path: String) async throws {
        try await withServer { server async throws in
            let connection = try dial(server.address.port)
            defer { close(connection) }
            say(connection, "HEAD \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            let heard = hear(connection)
            #expect(heard.hasPrefix("HTTP/1.1 4") && heard.hasSuffix("\r\n\r\n"), "\(heard)")
        }
    }

    @Test func `what is refused says what would be needed`() async throws {
        try await withServer(tokens: Self.tokens) { server async throws in
            let answer = try await server.curl("/settings", "-X", "PUT", "-H", "Authorization: Bearer r")
            #expect(answer.text.contains("administer"))
        }
    }

    @Test func `without tokens whoever is on this machine may do all, over the network nobody`() async throws {
        try await withServer { server async throws in
            #expect(try await server.curl("/settings", "-X", "PUT").text == "local ")
            // A path that does not exist, for who may come in; the same for who may not tells nothing.
            #expect(try await server.curl("/nothing").status == 404)
        }
        try await withServer(listen: "0.0.0.0") { server async throws in
            #expect(try await server.curl("/settings", "-X", "PUT").status == 403)
            #expect(try await server.curl("/nothing").status == 403)
            #expect(try await server.curl("/open").status == 200)
        }
    }

    @Test func `a header that is no bearer token is none`() {
        for header in [nil, "", "Bearer", "Basic r", "r"] {
            #expect(BearerTokens.judge(header, Self.tokens) == .missing)
        }
        #expect(BearerTokens.judge("bearer  r", Self.tokens) == .caller(Self.tokens[0].caller))
        #expect(BearerTokens.judge("Bearer rr", Self.tokens) == .wrong)
        #expect(BearerTokens.judge("Bearer r", []) == .notSetUp)
    }
}

@Suite struct `The description of routes` {
    @Test func `has every route with its role, its parameters and its answers`() throws {
        let document = sampleTable().openAPI
        let paths = try #require(document["paths"]?.objectValue)
        #expect(paths.keys == ["/open", "/things/{name}", "/settings"])
        #expect(paths["/open"]?["get"]?["security"] == .array([]))
        #expect(paths["/things/{name}"]?["get"]?["x-role"] == "read")
        #expect(paths["/things/{name}"]?["delete"]?["x-role"] == "operate")
        #expect(
            paths["/things/{name}"]?["get"]?["parameters"]?.arrayValue?.first?["$ref"] == "#/components/parameters/name"
        )
        #expect(paths["/settings"]?["put"]?["responses"]?["200"] != nil)
        #expect(document["components"]?["schemas"]?["Thing"] != nil)
    }
}

@Suite struct `TLS` {
    private let place: TemporaryDirectory
    private var chain: String { place.path + "/chain.pem" }
    private var key: String { place.path + "/key.pem" }
    private var files: TLSFiles { TLSFiles(chain: chain, key: key) }

    init() throws { place = try TemporaryDirectory() }

    /// A new certificate over what was there. Returns where the same certificate lies under its name.
    private func makeCertificate(_ name: String) async throws -> String {
        _ = try await TestCertificate.make(in: place.path, name: name)
        return "\(place.path)/\(name).pem"
    }

    @Test func `is spoken where there is a certificate, and nothing else is`() async throws {
        let trusted = try await makeCertificate("first")
        try await withServer(certificates: try Certificates(files)) { server async throws in
            let answer = try await server.curl("/things/x", "--cacert", trusted, scheme: "https")
            #expect(answer.status == 200)
            #expect(answer.text == "local x")
            #expect(try await server.curl("/things/x", scheme: "https").status == 0, "nobody vouches for it")
            #expect(try await server.curl("/things/x").status == 0, "plain HTTP")
            #expect(
                try await server.curl("/open", "--cacert", trusted, "--tls-max", "1.1", scheme: "https").status == 0)
        }
    }

    @Test func `certificates that are read again are those of later connections; broken ones change nothing`()
        async throws
    {
        let first = try await makeCertificate("first")
        let certificates = try Certificates(files)
        try await withServer(certificates: certificates) { server async throws in
            let second = try await makeCertificate("second")
            #expect(try await server.curl("/open", "--cacert", first, scheme: "https").status == 200)
            try certificates.reload()
            #expect(try await server.curl("/open", "--cacert", second, scheme: "https").status == 200)
            #expect(try await server.curl("/open", "--cacert", first, scheme: "https").status == 0)
            try Data("nonsense".utf8).write(to: URL(fileURLWithPath: chain))
            let problem = #expect(throws: Certificates.Problem.self) { try certificates.reload() }
            #expect(problem?.description.contains(chain) == true)
            #expect(try await server.curl("/open", "--cacert", second, scheme: "https").status == 200)
        }
    }

    @Test func `a key of another certificate, or a file that is not there, is named`() async throws {
        _ = try await makeCertificate("first")
        let old = place.path + "/old-key.pem"
        try FileManager.default.copyItem(atPath: key, toPath: old)
        _ = try await makeCertificate("second")
        #expect(throws: Certificates.Problem.self) { try Certificates(TLSFiles(chain: chain, key: old)) }
        let problem = #expect(throws: Certificates.Problem.self) {
            try Certificates(TLSFiles(chain: chain, key: place.path + "/none.pem"))
        }
        #expect(problem?.description.contains("none.pem") == true)
    }
}

@Suite struct `TLS with certificates of clients` {
    private let place: TemporaryDirectory

    init() throws { place = try TemporaryDirectory() }

    private func file(_ name: String) -> String { "\(place.path)/\(name)" }

    private func openssl(_ words: String...) async throws {
        let made = try await Command.ending(["openssl"] + words)
        try #require(made.status == 0, "\(made.errors)")
    }

    /// An authority, and a client that it vouches for.
    private func makeClient(_ name: String) async throws {
        let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        let authority = ["req", "-x509", "-days", "2", "-subj", "/CN=\(name) authority"] + curve
        #expect(
            try await Command.ending(
                ["openssl"] + authority + ["-keyout", file("\(name)-ca.key"), "-out", file("\(name)-ca.pem")]
            ).status == 0)
        let request = ["req", "-subj", "/CN=\(name)"] + curve
        #expect(
            try await Command.ending(
                ["openssl"] + request + ["-keyout", file("\(name).key"), "-out", file("\(name).csr")]
            ).status == 0)
        try await openssl(
            "x509", "-req", "-in", file("\(name).csr"), "-CA", file("\(name)-ca.pem"), "-CAkey",
            file("\(name)-ca.key"), "-CAcreateserial", "-days", "2", "-out", file("\(name).pem"))
    }

    @Test func `lets in whom an authority vouches for and nobody else`() async throws {
        _ = try await TestCertificate.make(in: place.path, name: "server")
        for name in ["friend", "stranger"] { try await makeClient(name) }
        let files = TLSFiles(
            chain: file("chain.pem"), key: file("key.pem"), clientAuthorities: [file("friend-ca.pem")])
        try await withServer(certificates: try Certificates(files)) { server async throws in
            func status(_ options: String...) async throws -> Int {
                let trust = ["--cacert", file("server.pem")]
                let place = ["--resolve", "localhost:\(server.address.port):127.0.0.1"]
                let words = ["curl", "-s", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}"] + trust + place
                let made = try await Command.ending(words + options + ["https://localhost:\(server.address.port)/open"])
                return Int(made.output) ?? -1
            }
            #expect(try await status("--cert", file("friend.pem"), "--key", file("friend.key")) == 200)
            #expect(try await status() == 0, "no certificate")
            #expect(try await status("--cert", file("stranger.pem"), "--key", file("stranger.key")) == 0)
        }
    }

    /// Takes who the certificate says, if it is a friend's.
    private struct ByCertificate: Authenticator {
        func authenticate(_ request: HTTPRequest, from origin: RequestOrigin) async -> Authentication {
            guard let certificate = await origin.certificate else { return .missing }
            let isFriend = certificate.firstRange(of: Array("friend".utf8)) != nil
            return isFriend ? .caller(Caller(name: "friend", role: .operate)) : .wrong
        }
    }

    @Test func `can tell who calls by the certificate`() async throws {
        _ = try await TestCertificate.make(in: place.path, name: "server")
        try await makeClient("friend")
        let files = TLSFiles(
            chain: file("chain.pem"), key: file("key.pem"), clientAuthorities: [file("friend-ca.pem")])
        try await withServer(certificates: try Certificates(files), authenticator: ByCertificate()) {
            server async throws in
            let answer = try await server.curl(
                "/things/x", "--cacert", file("server.pem"), "--cert", file("friend.pem"), "--key", file("friend.key"),
                scheme: "https")
            #expect(answer.text == "friend x")
        }
        try await withServer(authenticator: ByCertificate()) { server async throws in
            #expect(try await server.curl("/things/x").status == 401, "plain HTTP shows no certificate")
        }
    }

    @Test func `opens a key with the passphrase of a file`() async throws {
        _ = try await TestCertificate.make(in: place.path, name: "server")
        try Data("open sesame\n".utf8).write(to: URL(filePath: file("pass")))
        try Data("wrong\n".utf8).write(to: URL(filePath: file("wrong")))
        try await openssl(
            "pkcs8", "-topk8", "-in", file("key.pem"), "-out", file("locked.pem"), "-passout", "file:" + file("pass"))
        var files = TLSFiles(chain: file("chain.pem"), key: file("locked.pem"), passphrase: file("pass"))
        try await withServer(certificates: try Certificates(files)) { server async throws in
            #expect(try await server.curl("/open", "--cacert", file("server.pem"), scheme: "https").status == 200)
        }
        files.passphrase = file("wrong")
        let problem = #expect(throws: Certificates.Problem.self) { try Certificates(files) }
        #expect(problem?.description.contains("wrong") == true)
        #expect(problem?.description.contains("sesame") == false)
        // Nobody is asked on a terminal.
        files.passphrase = nil
        #expect(throws: Certificates.Problem.self) { try Certificates(files) }
        files.passphrase = file("nowhere")
        #expect(throws: Certificates.Problem.self) { try Certificates(files) }
    }
}

@Suite struct `A server that ends` {
    @Test func `closes connections that have said nothing and those that are kept open`() async throws {
        var ends: [Bool] = []
        try await withServer { server async throws in
            let port = server.address.port
            let (silent, kept) = try await onThread { (try dial(port), try dial(port)) }
            defer { for one in [silent, kept] { close(one) } }
            let answer = try await onThread {
                say(kept, "GET /open HTTP/1.1\r\nHost: localhost\r\n\r\n")
                return hear(kept)
            }
            #expect(answer.contains("HTTP/1.1 200"))
            await server.stop()
            ends = try await onThread { [hear(silent).isEmpty, hear(kept).isEmpty] }
            await #expect(throws: (any Error).self) { try await onThread { try dial(port) } }
        }
        #expect(ends == [true, true])
    }
}

@Suite struct `A silent connection` {
    private let limits: HTTPLimits = {
        var limits = HTTPLimits()
        limits.stall = .seconds(1)
        return limits
    }()

    private func router() -> Router<ServiceContext> {
        let router = Router(context: ServiceContext.self)
        router.get("slow") { _, _ -> Response in
            try await Task.sleep(for: .seconds(3))
            return .text("at last", status: .ok)
        }
        router.post("body") { request, _ -> Response in
            _ = try await request.body.collect(upTo: 100)
            return .text("taken", status: .ok)
        }
        return router
    }

    @Test func `is kept while its answer is being made, and closed when the answer is read`() async throws {
        try await withServer(of: router().buildResponder(), limits: limits) { server async throws in
            let port = server.address.port
            let heard = try await onThread { () throws -> [String] in
                let connection = try dial(port)
                defer { close(connection) }
                say(connection, "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
                var answer = hear(connection)
                if answer.hasPrefix("HTTP/"), !answer.contains("at last") { answer += hear(connection) }
                return [answer, hear(connection)]
            }
            #expect(heard[0].hasPrefix("HTTP/1.1 200"))
            #expect(heard[1] == "")
        }
    }

    @Test func `is closed while the rest of a request does not come`() async throws {
        try await withServer(of: router().buildResponder(), limits: limits) { server async throws in
            let port = server.address.port
            let heard = try await onThread { () throws -> String in
                let connection = try dial(port)
                defer { close(connection) }
                say(connection, "POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf")
                return hear(connection)
            }
            #expect(heard == "")
        }
    }
}
