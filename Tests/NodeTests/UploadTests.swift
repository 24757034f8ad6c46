import BFT
import Foundation
import JSON
import Node
import Synchronization
import TestSupport
import Testing

@Suite("The upload of a task's content", .timeLimit(.minutes(2)))
struct UploadTests {
    /// A large file goes in parts, which the store puts together at the end.
    @Test
    func `is not over before the store has put the last file together`() async throws {
        let isWhole = Mutex(false)
        let answer: @Sendable (String, String, String) -> [RawServer.Step] = { status, body, header in
            [
                .send(
                    "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(header)Connection: keep-alive\r\n\r\n"
                        + body)
            ]
        }
        try await RawServer.with { head, _ in
            if head.hasPrefix("HEAD") { return answer("404 No", "", "") }
            if head.contains("list-type") { return answer("200 OK", "<ListBucketResult></ListBucketResult>", "") }
            if head.contains("?uploads ") {
                let body = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
                return answer("200 OK", body, "")
            }
            if head.contains("?uploads") {
                return answer("200 OK", "<ListMultipartUploadsResult></ListMultipartUploadsResult>", "")
            }
            if head.hasPrefix("PUT") { return answer("200 OK", "", "ETag: \"x\"\r\n") }
            guard head.hasPrefix("POST") else { return answer("204 Gone", "", "") }
            // Long for a node that looks at its tasks all the time.
            Thread.sleep(forTimeInterval: 1.5)
            isWhole.withLock { $0 = true }
            return answer(
                "200 OK", "<CompleteMultipartUploadResult><ETag>\"x-3\"</ETag></CompleteMultipartUploadResult>", "")
        } _: { store in
            let server = try TestServer()
            let sender = try await TestNode.start(.sender, server: server)
            try sender.place.write("dcp/cfec-001/dcps/film/large.mxf", randomBytes(40 << 20, seed: 1))
            let base = sender.place.path
            let parameters: JSONObject = [
                "dcppath": .string(base + "/dcp/cfec-001/dcps/film"),
                "taskfile": .string(base + "/data/sender/tmp/film.task.json"), "basesubdir": "cfec-001",
                "btobscdn": "0:1:0", "policy": "fulltime", "ak": "key", "sk": "secret",
                "endpoint": .string("http://127.0.0.1:\(store.port)"), "obsurl": "obs://dcp/dcps/film",
            ]
            _ = await sender.call("gentask", parameters)
            try await until("made") { await sender.call("taskfilesquery", parameters).content["status"] == "finished" }
            #expect(await sender.call("send", ["taskfile": parameters["taskfile"] ?? ""]).succeeded)
            try await until("ready") {
                await sender.call("uploadprogress", ["taskfile": "film.task.json"]).content["status"] == "ready"
            }
            #expect(isWhole.withLock { $0 })
            await sender.node.stop()
        }
    }
}
