import Address
import Admission
import FleetStore
import HTTPServing
import HTTPTransport
import JSON
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import Text

@testable import Control

/// A control's API on a free port of loopback.
struct TestAPI: Sendable {
    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let text: String

        var json: JSONValue {
            (try? JSONValue.parse(
                Array(text.utf8), limits: JSONLimits(maxBytes: 8 << 20, maxDepth: 64, maxValues: 1 << 20))) ?? .null
        }
        var etag: String { headers.first(name: "ETag") ?? "" }
        var code: String? { json["code"]?.stringValue }
    }

    let bench: ControlBench
    let server: ControlServer
    let admin: String
    private let transport: HTTPTransport

    static func using(_ body: (TestAPI) async throws -> Void) async throws {
        let bench = try await ControlBench()
        let server = try await ControlServer.start(
            bench.core, at: ListenAddress(host: "127.0.0.1", port: 0), admission: Admission(),
            logger: ControlBench.silent)
        var api = TestAPI(
            bench: bench, server: server, admin: "", transport: HTTPTransport(settings: HTTPTransportSettings()))
        api = TestAPI(
            bench: bench, server: server, admin: try await api.token("admin", role: "admin"), transport: api.transport)
        do { try await body(api) } catch {
            await api.stop()
            throw error
        }
        await api.stop()
    }

    private func stop() async {
        bench.core.stop()
        await transport.shutdown()
        await server.stop()
        await bench.core.store.close()
    }

    func token(_ name: String, role: String, classes: [String] = []) async throws -> String {
        let (record, secret) = APITokenRecord.make(name: name, role: role, classes: classes, ttl: 3600, by: bench.act)
        _ = try await bench.core.store.add(record, by: bench.act)
        try await bench.core.access.load(bench.core.store)
        return secret.value
    }

    func call(
        _ method: HTTPMethod, _ path: String, _ body: String? = nil, as token: String? = nil,
        _ headers: [(String, String)] = []
    ) async throws -> Answer {
        let url = try #require(HTTPURL("http://\(server.address)\(path)"))
        var fields = HTTPHeaders(headers)
        let token = token ?? admin
        if !token.isEmpty { fields.add(name: "Authorization", value: "Bearer \(token)") }
        let answer = try await transport.request(
            method, url, headers: fields, body: body.map { HTTPRequestBody(Array($0.utf8)) },
            deadline: .now() + .seconds(20))
        let bytes = try await transport.collect(answer, limit: 16 << 20, deadline: .now() + .seconds(20))
        return Answer(
            status: Int(answer.status.code), headers: answer.headers, text: String(decoding: bytes, as: UTF8.self))
    }

    /// What a stream says until that is enough.
    func follow(
        _ path: String, after id: Int64? = nil, _ isEnough: @Sendable (String) -> Bool
    ) async throws -> String {
        let url = try #require(HTTPURL("http://\(server.address)\(path)"))
        var fields: HTTPHeaders = ["Authorization": "Bearer \(admin)", "Accept": "text/event-stream"]
        if let id { fields.add(name: "Last-Event-ID", value: String(id)) }
        let answer = try await transport.request(.GET, url, headers: fields, deadline: .now() + .seconds(20))
        #expect(answer.status == .ok && answer.headers.first(name: "Content-Type") == "text/event-stream")
        var text = ""
        for try await part in answer.body {
            text += String(buffer: part)
            if isEnough(text) { break }
        }
        return text
    }

    func get(_ path: String, as token: String? = nil) async throws -> Answer { try await call(.GET, path, as: token) }
    func post(_ path: String, _ body: String = "{}", as token: String? = nil, key: String? = nil) async throws -> Answer
    {
        try await call(.POST, path, body, as: token, key.map { [("Idempotency-Key", $0)] } ?? [])
    }
}
