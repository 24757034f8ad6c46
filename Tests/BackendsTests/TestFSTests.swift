import HTTPTransport
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import Text

@Suite struct `The small file store` {
    private func ask(
        _ method: HTTPMethod, _ url: String, _ body: [UInt8]? = nil, _ headers: HTTPHeaders = [:]
    ) async throws -> (status: Int, headers: HTTPHeaders, body: [UInt8]) {
        let transport = HTTPTransport(settings: HTTPTransportSettings())
        let answer = try await transport.request(
            method, try #require(HTTPURL(url)), headers: headers, body: body.map { HTTPRequestBody($0) },
            deadline: .now() + .seconds(20))
        let bytes = try await transport.collect(answer, limit: 1 << 20)
        await transport.shutdown()
        return (Int(answer.status.code), answer.headers, bytes)
    }

    @Test func `has Kraken's paths`() async throws {
        let directory = try TemporaryDirectory()
        try await withTestFS(directory.path("s")) { base in
            let url = base.text.hasSuffix("/") ? String(base.text.dropLast()) : base.text
            #expect(try await ask(.GET, url + "/health").body == Array("OK".utf8))
            #expect(try await ask(.GET, url + "/files/a/b").status == 404)
            #expect(try await ask(.POST, url + "/files/a/b", [1, 2, 3]).status == 200)
            #expect(directory.read("s/a/b") == [1, 2, 3])
            #expect(try await ask(.POST, url + "/files/team/app:1.0", [4]).status == 200)
            #expect(directory.read("s/team/app/1.0") == [4])
            let head = try await ask(.HEAD, url + "/files/a/b")
            #expect(head.status == 200 && head.headers["size"] == ["3"] && head.headers["content-length"] == ["3"])
            #expect(try await ask(.GET, url + "/files/a/b").body == [1, 2, 3])
            let part = try await ask(.GET, url + "/files/a/b", nil, ["range": "bytes=1-1"])
            #expect(part.status == 206 && part.body == [2])
            #expect(try await ask(.GET, url + "/list/").body == Array(#"["a/b","team/app/1.0"]"#.utf8))
            #expect(try await ask(.GET, url + "/list/team/").body == Array(#"["team/app/1.0"]"#.utf8))
            #expect(try await ask(.GET, url + "/list/none").body == Array("[]".utf8))
        }
    }

    @Test(arguments: ["%2e%2e/x", "a/%2e%2e/%2e%2e/x", "a%2f..%2f..%2fx", "a/%00", "", "a//b", "%2fetc/passwd"])
    func `refuses paths out of its directory`(path: String) async throws {
        let directory = try TemporaryDirectory()
        try await withTestFS(directory.path("s")) { base in
            let url = base.text.hasSuffix("/") ? String(base.text.dropLast()) : base.text
            for method in [HTTPMethod.GET, .POST] {
                let status = try await ask(method, "\(url)/files/\(path)", method == .POST ? [1] : nil).status
                #expect([400, 404].contains(status))
                if !path.isEmpty { #expect(status == 400) }
            }
            #expect(directory.names("s").isEmpty && directory.names(".") == ["s"])
        }
    }

    @Test func `follows no link out of its directory`() async throws {
        let directory = try TemporaryDirectory()
        try directory.write("secret", [9])
        try directory.makeDirectory("s")
        try directory.makeLink("s/link", to: directory.path)
        try await withTestFS(directory.path("s")) { base in
            let url = base.text.hasSuffix("/") ? String(base.text.dropLast()) : base.text
            let read = try await ask(.GET, url + "/files/link/secret")
            let written = try await ask(.POST, url + "/files/link/new", [1])
            #expect(read.status == 404 && written.status >= 400)
            #expect(!directory.exists("new"))
        }
    }
}
