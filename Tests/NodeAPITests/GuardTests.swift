import Address
import BFT
import HTTPServing
import HTTPTypes
import NodeAPI
import Policy
import Testing
import Text

@Suite("Who may talk to the API")
struct GuardTests {
    private func refusal(
        host: String? = "127.0.0.1:8191", listen: ListenAddress = ListenAddress(host: "127.0.0.1", port: 8191),
        token: String? = nil, isOpen: Bool = false, _ headers: HTTPFields = [:]
    ) -> RequestGuard.Refusal? {
        let tokens = token.map { [BearerTokens.Token(Secret($0), of: Caller(name: "one", role: .operate))] } ?? []
        return RequestGuard(address: listen).refusal(
            of: HTTPRequest(method: .post, scheme: nil, authority: host, path: "/send", headerFields: headers),
            BearerTokens.judge(headers[.authorization], tokens), isOpen: isOpen)
    }

    @Test(arguments: [
        "localhost", "LOCALHOST:8191", "127.0.0.1", "127.0.0.1:80", "127.9.8.7:8191", "[::1]", "[::1]:8191",
    ])
    func `this machine's own names are answered`(host: String) { #expect(refusal(host: host) == nil) }

    @Test(arguments: [
        "evil.example", "evil.example:8191", "localhost.evil.example", "127.0.0.1.evil.example", "127.evil",
        "localhost@evil", "0.0.0.0:8191", "10.0.0.1", "[::2]:8191", "::1.evil", "127.0.0.256", "127.0.0.0x1",
    ])
    func `any other name is not, though it may lead here`(host: String) { #expect(refusal(host: host) == .foreignHost) }

    @Test
    func `a request without a host is refused`() {
        #expect(refusal(host: nil) == .noHost)
        #expect(refusal(host: "") == .noHost)
    }

    @Test
    func `pages of other sites are turned away, with a token too`() throws {
        #expect(refusal([.origin: "http://evil.example"]) == .crossSite)
        #expect(refusal([.origin: "null"]) == .crossSite)
        #expect(refusal([.origin: "http://127.0.0.1:80"]) == .crossSite)
        #expect(refusal([.origin: "http://127.0.0.1:8191"]) == nil)
        let site = try #require(HTTPField.Name("Sec-Fetch-Site"))
        #expect(refusal([site: "cross-site"]) == .crossSite)
        #expect(refusal([site: "same-site"]) == .crossSite)
        #expect(refusal([site: "same-origin"]) == nil)
        #expect(refusal([site: "none"]) == nil)
        #expect(
            refusal(token: "t", [.origin: "http://evil.example", .authorization: "Bearer t"]) == .crossSite)
    }

    @Test
    func `where a token is set it must be right, whatever host is named`() {
        #expect(refusal(token: "secret") == .tokenMissing)
        #expect(refusal(token: "secret", [.authorization: "Basic secret"]) == .tokenMissing)
        #expect(refusal(token: "secret", [.authorization: "Bearer secre"]) == .tokenWrong)
        #expect(refusal(token: "secret", [.authorization: "Bearer secrets"]) == .tokenWrong)
        #expect(refusal(token: "secret", [.authorization: "Bearer "]) == .tokenMissing)
        #expect(refusal(token: "secret", [.authorization: "Bearer secret"]) == nil)
        #expect(refusal(host: "node.example", token: "secret", [.authorization: "bearer secret"]) == nil)
        #expect(refusal(token: "secret", isOpen: true) == nil)
    }

    @Test
    func `on the network nothing but the open calls is answered without a token`() {
        let all = ListenAddress(host: "0.0.0.0", port: 8191)
        #expect(refusal(listen: all) == .tokenNotSet)
        #expect(refusal(listen: all, isOpen: true) == nil)
        #expect(refusal(host: "0.0.0.0", listen: all, isOpen: true) == .foreignHost)
        let one = ListenAddress(host: "192.0.2.7", port: 8191)
        #expect(refusal(host: "192.0.2.7:8191", listen: one, token: nil) == .tokenNotSet)
    }
}

@Suite("The guard at the server")
struct GuardedServerTests {
    @Test
    func `a rebound name gets a 403 and starts nothing`() async throws {
        let node = SmallNode()
        try await withServer(node) { server async throws in
            let call = envelope("recv", #"{"taskfile":"/data/a-1-b.task.json"}"#)
            #expect(try await server.post("/recv", call, host: "evil.example:\(server.address.port)").status == 403)
            #expect(try await server.post("/recv", call, headers: ["Origin: http://evil.example"]).status == 403)
            #expect(try await server.get("/reloadconf", headers: ["Sec-Fetch-Site: cross-site"]).status == 403)
            #expect(try await server.get("/v1/tasks", host: "evil.example").status == 403)
        }
        #expect(await node.calls.isEmpty)
    }

    @Test
    func `a token is asked for, and one taken away later no longer helps`() async throws {
        let node = SmallNode(token: "tok-1")
        try await withServer(node) { server async throws in
            let call = envelope("cancel", "{}")
            let refused = try await server.post("/cancel", call)
            #expect(refused.status == 401)
            #expect(refused.headers["www-authenticate"] == "Bearer")
            #expect(!refused.text.contains("tok-1"))
            for path in ["/metrics", "/v1/tasks", "/showschedules", "/reloadconf", "/v1/openapi.json"] {
                #expect(try await server.get(path).status == 401)
            }
            for path in ["/heartbeat", "/version", "/healthz"] { #expect(try await server.get(path).status == 200) }
            #expect(try await server.post("/cancel", call, headers: ["Authorization: Bearer tok-1"]).status == 200)
            await node.setToken("tok-2")
            #expect(try await server.post("/cancel", call, headers: ["Authorization: Bearer tok-1"]).status == 401)
            #expect(try await server.post("/cancel", call, headers: ["Authorization: Bearer tok-2"]).status == 200)
        }
    }

    @Test(arguments: ["0.0.0.0", "::", "node.example"])
    func `a server on the network does not start without a token`(host: String) async throws {
        await #expect(throws: HTTPServiceError.self) {
            try await withServer {
                $0.listen = ListenAddress(host: host, port: 0)
            } _: { _ in
            }
        }
        do {
            try await withServer {
                $0.listen = ListenAddress(host: host, port: 0)
            } _: { _ in
            }
        } catch let error as HTTPServiceError {
            #expect(error.kind == .configuration)
            #expect(error.description.contains("apitoken"))
        }
    }

    @Test
    func `an address in use is said to be in use`() async throws {
        try await withServer { first async throws in
            do {
                try await withServer {
                    $0.listen = first.address
                } _: { _ in
                }
                Issue.record("two servers on one address")
            } catch let error as HTTPServiceError {
                #expect(error.kind == .addressInUse)
            }
        }
    }
}
