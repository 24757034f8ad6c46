import BFT
import NodeAPI
import Policy
import TestSupport
import Testing

@Suite("Resources under /v1")
struct ResourceTests {
    static let entry = TaskEntry(
        file: "cfec-001-x.task.json", direction: .receive, state: "downloading",
        path: "/data/receiver/downloading/cfec-001-x.task.json")

    @Test
    func `operations take bare parameters, and the status says how they ended`() async throws {
        let node = SmallNode()
        try await withServer(node) { server async throws in
            let done = try await server.post("/v1/tasks/recv", #"{"taskfile":"/data/cfec-001-x.task.json"}"#)
            #expect(done.status == 200)
            #expect(done.desc == "succeed!")
            #expect(try await server.post("/v1/tasks/send", #"{"taskfile":"/etc/x"}"#).status == 409)
            #expect(try await server.post("/v1/taskfiles/gen", "{}").desc == "error, please provide taskfile path.")
            #expect(try await server.post("/v1/taskfiles/query", "{}").status == 200)
            #expect(try await server.post("/v1/tasks/recv", "[]").status == 400)
            #expect(try await server.post("/v1/reload", "").desc == "reload config.json ok.")
        }
        #expect(await node.calls.map(\.method) == ["recv", "send", "gentask", "taskfilesquery"])
    }

    @Test
    func `jobs are shown as they are: bytes as numbers, times in UTC, null for what has not happened`() async throws {
        let node = SmallNode()
        await node.add(Self.entry)
        try await withServer(node) { server async throws in
            let one = try #require(try await server.get("/v1/jobs/cfec-001-x.task.json").json)
            #expect(one["state"] == "receiving" && one["totalBytes"] == 1000 && one["localBytes"] == 10)
            #expect(one["receivedBytes"] == ["bt": 0, "obs": 0, "cdn": 0])
            #expect(one["began"] == "2027-01-15T08:00:00Z" && one["completed"] == .null)
            #expect(try await server.get("/v1/jobs").json?["jobs"]?.arrayValue == [one])
            #expect(try await server.get("/v1/jobs/cfec-001-y.task.json").status == 404)
        }
    }

    @Test
    func `tasks are listed, looked at, and cancelled`() async throws {
        let node = SmallNode()
        await node.add(Self.entry)
        try await withServer(node) { server async throws in
            let list = try await server.get("/v1/tasks")
            #expect(list.json?["tasks"]?.arrayValue?.first?["taskfile"] == "cfec-001-x.task.json")
            let one = try await server.get("/v1/tasks/cfec-001-x.task.json")
            #expect(one.json?["direction"] == "receive")
            #expect(one.json?["progress"]?["status"] == "downloading")
            #expect(try await server.get("/v1/tasks/cfec-001-x.task.json?direction=send").status == 404)
            #expect(try await server.get("/v1/tasks/cfec-001-y.task.json").status == 404)
            let gone = try await HTTPTalk.request(server.address.port, "DELETE", "/v1/tasks/cfec-001-x.task.json")
            #expect(gone.status == 200)
            let again = try await HTTPTalk.request(server.address.port, "DELETE", "/v1/tasks/cfec-001-x.task.json")
            #expect(again.status == 404)
        }
    }

    @Test
    func `a finished task file is handed out byte by byte`() async throws {
        let node = SmallNode()
        let bytes = Array(#"{"name":"名"}"#.utf8)
        await node.add(Self.entry, file: bytes)
        try await withServer(node) { server async throws in
            let answer = try await server.get("/v1/taskfiles/cfec-001-x.task.json")
            #expect(answer.status == 200)
            #expect(answer.body == bytes)
            #expect(try await server.get("/v1/taskfiles/other.task.json").status == 404)
        }
    }

    @Test(arguments: [
        "..%2f..%2fetc%2fpasswd", "%2e%2e%2fx.task.json", "a%00.task.json", ".hidden.task.json", "config.json",
        "..", "%2fetc%2fx.task.json", "a%0ab.task.json",
    ])
    func `names that lead elsewhere are names of nothing`(name: String) async throws {
        let node = SmallNode()
        await node.add(Self.entry, file: [1])
        try await withServer(node) { server async throws in
            #expect(try await server.get("/v1/taskfiles/\(name)").status == 404)
            #expect(try await server.get("/v1/tasks/\(name)").status == 404)
        }
        #expect(await node.calls.isEmpty)
    }

    @Test
    func `a follower hears of each change, and of the end`() async throws {
        let node = SmallNode()
        await node.add(Self.entry)
        try await withServer(node) {
            $0.limits.progressInterval = .milliseconds(10)
        } _: { server async throws in
            let port = server.address.port
            let request = "GET /v1/tasks/cfec-001-x.task.json/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
            let follower = Task {
                await HTTPTalk.exchange(
                    port, Array(request.utf8),
                    isEnough: { String(decoding: $0, as: UTF8.self).contains("event: gone") })
            }
            // Each step waits until it has been seen: the reading of progress is what the follower asks for.
            for count in [Int64(5), 7] {
                let before = await node.calls.count
                await until { await node.calls.count > before + 1 }
                await node.receive(count, of: "cfec-001-x.task.json")
            }
            let before = await node.calls.count
            await until { await node.calls.count > before + 1 }
            _ = try await server.post("/cancel", envelope("cancel", #"{"taskfile":"cfec-001-x.task.json"}"#))
            let text = String(decoding: await follower.value, as: UTF8.self)
            #expect(text.contains("text/event-stream"))
            #expect(text.ranges(of: "event: progress").count == 3)
            #expect(text.contains(#""downloaded":12"#))
            #expect(text.ranges(of: "event: gone\ndata: {}\n\n").count == 1)
        }
    }

    @Test
    func `a follower without news hears that the connection lives`() async throws {
        let node = SmallNode()
        await node.add(Self.entry)
        try await withServer(node) {
            $0.limits.progressInterval = .milliseconds(5)
            $0.limits.followerSilence = .milliseconds(20)
        } _: { server async throws in
            let request = "GET /v1/tasks/cfec-001-x.task.json/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
            let text = String(
                decoding: await HTTPTalk.exchange(
                    server.address.port, Array(request.utf8),
                    isEnough: { String(decoding: $0, as: UTF8.self).ranges(of: ": still here").count > 1 }),
                as: UTF8.self)
            #expect(text.ranges(of: "event: progress").count == 1)
        }
    }

    @Test
    func `no more follow than may, and a stop does not wait for them`() async throws {
        let node = SmallNode()
        await node.add(Self.entry)
        let clock = ContinuousClock()
        var follower: Task<[UInt8], Never>?
        var stopped = clock.now
        try await withServer(node) {
            $0.limits.followers = 1
        } _: { server async throws in
            let port = server.address.port
            let request = "GET /v1/tasks/cfec-001-x.task.json/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
            follower = Task { await HTTPTalk.exchange(port, Array(request.utf8)) }
            await until { await node.calls.count > 0 }
            #expect(try await server.get("/v1/tasks/cfec-001-x.task.json/events").status == 503)
            stopped = clock.now
        }
        #expect(clock.now - stopped < .seconds(3))
        #expect(await follower?.value.isEmpty == false)
    }

    @Test
    func `the description is JSON, names every resource, and nothing that is not there`() async throws {
        let node = SmallNode()
        await node.add(Self.entry, file: [1])
        try await withServer(node) { server async throws in
            let document = try #require(try await server.get("/v1/openapi.json").json)
            let paths = try #require(document["paths"]?.objectValue)
            #expect(paths.keys.count >= 12)
            for path in paths.keys {
                let real = path.replacing("{file}", with: "cfec-001-x.task.json")
                guard !path.hasSuffix("events") else { continue }
                for method in paths[path]?.objectValue?.keys ?? [] where method != "delete" {
                    let answer = try await HTTPTalk.request(
                        server.address.port, method.uppercased(), real, body: method == "post" ? "{}" : "")
                    #expect(answer.status != 404, "\(method) \(path)")
                }
            }
        }
    }
}

/// Waits for something that must come about.
func until(_ condition: () async -> Bool, isolation: isolated (any Actor)? = #isolation) async {
    _ = try? await eventually(seconds: 10, condition)
}
