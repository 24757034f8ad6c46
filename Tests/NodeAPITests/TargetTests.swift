import BFT
import Foundation
import NodeAPI
import Policy
import TestSupport
import Testing

@Suite("Targets and hosts of requests", .serialized, .timeLimit(.minutes(1)))
struct TargetTests {
    private func exchange(_ port: Int, _ lines: String...) async -> Answer? {
        let text = lines.joined(separator: "\r\n") + "\r\nConnection: close\r\n\r\n"
        return Answer(await HTTPTalk.exchange(port, Array(text.utf8)))
    }

    @Test
    func `a request in absolute form is answered, by the API and by the file server`() async throws {
        try await withDirectory { directory in
            try Data("hello".utf8).write(to: URL(fileURLWithPath: directory + "/a b.txt"))
            try await withServer(content: directory) { server async throws in
                let (api, www) = (server.address.port, server.wwwAddress?.port ?? 0)
                let host = "Host: 127.0.0.1:\(api)"
                #expect(await exchange(api, "GET http://127.0.0.1:\(api)/heartbeat HTTP/1.1", host)?.status == 200)
                #expect(await exchange(api, "GET HTTP://127.0.0.1:\(api)/v1/tasks?x=1 HTTP/1.1", host)?.status == 200)
                let place = "127.0.0.1:\(www)"
                let file = await exchange(www, "GET http://\(place)/dcp/a%20b.txt HTTP/1.1", "Host: \(place)")
                #expect(file?.text == "hello")
                #expect(await exchange(www, "GET http://\(place) HTTP/1.1", "Host: \(place)")?.status == 404)
                // A guest by another name gets no further for writing it into the target.
                let evil = "evil.example:\(api)"
                #expect(await exchange(api, "GET http://\(evil)/v1/tasks HTTP/1.1", "Host: \(evil)")?.status == 403)
            }
        }
    }

    @Test(arguments: [
        ["GET /heartbeat HTTP/1.1", "Host: localhost", "Host: evil.example"],
        ["GET /heartbeat HTTP/1.1", "Host: localhost", "Host: localhost"],
        ["GET http://localhost/heartbeat HTTP/1.1", "Host: evil.example"],
        ["GET http://evil.example/heartbeat HTTP/1.1", "Host: localhost"],
        ["GET http://evil@localhost/heartbeat HTTP/1.1", "Host: localhost"],
        ["GET https://localhost/heartbeat HTTP/1.1", "Host: localhost"],
        ["GET heartbeat HTTP/1.1", "Host: localhost"],
        ["GET /heartbeat HTTP/1.1", "Host: localhost, evil.example"],
        ["GET /heartbeat HTTP/1.1", "X: y"],
    ])
    func `a request that names two hosts, another than its target does, or none is refused`(lines: [String])
        async throws
    {
        try await withServer(content: "/nowhere") { server async throws in
            for port in [server.address.port, server.wwwAddress?.port ?? 0] {
                let text = lines.joined(separator: "\r\n") + "\r\n\r\n"
                // The server closes: nothing of what follows is read.
                let answer = Answer(await HTTPTalk.exchange(port, Array((text + text).utf8)))
                #expect(answer?.status == 400)
            }
        }
    }

    @Test
    func `an answer that is under way comes before the refusal of what follows it`() async throws {
        try await withServer { server async throws in
            let good = "GET /heartbeat HTTP/1.1\r\nHost: localhost\r\n\r\n"
            let bad = "GET /heartbeat HTTP/1.1\r\nHost: localhost\r\nHost: other\r\n\r\n"
            let bytes = await HTTPTalk.exchange(server.address.port, Array((good + bad + good).utf8))
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(text.ranges(of: "HTTP/1.1 ").count == 2)
            #expect(text.hasPrefix("HTTP/1.1 200"))
            #expect(text.contains("HTTP/1.1 400"))
        }
    }

    @Test(arguments: [
        ("cfec-001-Film A.task.json", "cfec-001-Film%20A.task.json"),
        ("cfec-001-影片.task.json", "cfec-001-%E5%BD%B1%e7%89%87.task.json"),
        ("cfec-001-Film+B.task.json", "cfec-001-Film+B.task.json"),
        ("cfec-001-Film+B.task.json", "cfec-001-Film%2BB.task.json"),
        ("cfec-001-100%.task.json", "cfec-001-100%25.task.json"),
        ("cfec-001-a%20b.task.json", "cfec-001-a%2520b.task.json"),
    ])
    func `a task of any name is shown, followed, handed out and cancelled by its encoded path`(
        name: String, path: String
    ) async throws {
        let node = SmallNode()
        await node.add(
            TaskEntry(file: name, direction: .receive, state: "downloading", path: "/data/x/\(name)"), file: [1, 2])
        try await withServer(node) { server async throws in
            #expect(try await server.get("/v1/tasks/\(path)").json?["taskfile"] == .string(name))
            #expect(try await server.get("/v1/taskfiles/\(path)").body == [1, 2])
            let request = "GET /v1/tasks/\(path)/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
            let events = await HTTPTalk.exchange(
                server.address.port, Array(request.utf8),
                isEnough: { String(decoding: $0, as: UTF8.self).contains("event: progress") })
            #expect(Answer(events)?.status == 200)
            let gone = try await HTTPTalk.request(server.address.port, "DELETE", "/v1/tasks/\(path)")
            #expect(gone.status == 200)
        }
    }

    @Test(arguments: ["a%zz.task.json", "a%2.task.json", "a.task.json%", "%ff%fe.task.json", "a%.task.json"])
    func `a broken escape is the client's mistake`(path: String) async throws {
        try await withServer { server async throws in
            #expect(try await server.get("/v1/tasks/\(path)").status == 400)
            #expect(try await server.get("/v1/taskfiles/\(path)").status == 400)
            #expect(try await HTTPTalk.request(server.address.port, "DELETE", "/v1/tasks/\(path)").status == 400)
        }
    }

    @Test
    func `many who follow one task share one look at it`() async throws {
        let node = SmallNode()
        await node.add(ResourceTests.entry)
        try await withServer(node) {
            $0.limits.progressInterval = .milliseconds(200)
        } _: { server async throws in
            let port = server.address.port
            let path = "/v1/tasks/cfec-001-x.task.json/events"
            let ask = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
            let crowd = await Task.detached { Crowd(40, to: port, saying: ask) }.value
            await until { await node.looks >= 41 }
            let (before, begun) = (await node.looks, ContinuousClock.now)
            await until { ContinuousClock.now - begun > .seconds(2) }
            // Ten intervals: without sharing, four hundred looks.
            #expect(await node.looks - before < 60)
            #expect(crowd.closed == 0)
        }
    }
}
