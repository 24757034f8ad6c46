import HTTPTransport
import Registry
import RegistryClient
import TestSupport
import Testing
import Text

@testable import swoop

@Suite("Lists of tags")
struct TagListTests {
    private static func page(_ text: String) -> [RawServer.Step] {
        [
            .send(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)"
            )
        ]
    }

    @Test func `a history and the newest tags are of all pages`() async throws {
        let name = try #require(ContentName("team/app"))
        let server: RawServer.Script = { head, _ in
            let isSecond = head.contains("after=")
            if head.contains("/history") {
                return Self.page(
                    isSecond
                        ? #"{"history":[{"tag":"1","time":"2026-01-01T00:00:00Z","action":"put"}],"next":null}"#
                        : #"{"history":[{"tag":"2","time":"2026-01-02T00:00:00Z","action":"put"}],"next":"7"}"#)
            }
            return Self.page(
                isSecond
                    ? #"{"tags":[{"tag":"b","updated":"2026-01-03T00:00:00Z"}],"next":null}"#
                    : #"{"tags":[{"tag":"a","updated":"2026-01-02T00:00:00Z"}],"next":"a"}"#)
        }
        try await RawServer.with(server) { server in
            let client = RegistryClient(base: try #require(HTTPURL("http://127.0.0.1:\(server.port)")))
            #expect(try await TagList.history(of: name, from: client)?.map(\.tag) == ["2", "1"])
            #expect(await TagList.newest(of: name, from: client, count: 5) == ["b", "a"])
            await client.shutdown()
        }
    }
}
