import BFT
import NodeAPI
import Policy
import Testing

@Suite("Calls in the envelope")
struct EnvelopeTests {
    @Test(arguments: APICall.allCases)
    func `a reply echoes the id under both names, and says what it is in strings`(call: APICall) async throws {
        try await withServer { server async throws in
            let answer = try await server.post(
                "/\(call.rawValue)", envelope(call.rawValue, #"{"taskfile":"/data/tmp/cfec-001-x.task.json"}"#))
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"]?.hasPrefix("application/json") == true)
            let json = try #require(answer.json)
            #expect(json["request_message_id"]?.stringValue == "321")
            #expect(json["reqest_message_id"]?.stringValue == "321")
            #expect(json["message_type"]?.stringValue == "response")
            #expect(json["method_name"]?.stringValue == call.rawValue)
            #expect(["true", "false"].contains(json["return_status"]?.stringValue ?? ""))
            #expect(json["return_content"]?.objectValue != nil)
        }
    }

    @Test
    func `parameters reach the node as they are, whatever their types`() async throws {
        let node = SmallNode()
        try await withServer(node) { server async throws in
            _ = try await server.post(
                "/send", envelope("send", #"{"taskfile":"/data/名.task.json","reactive":"false"}"#))
            _ = try await server.post("/send", envelope("send", #"{"taskfile":17,"reactive":false,"more":[1,{}]}"#))
        }
        let calls = await node.calls
        #expect(calls.count == 2)
        #expect(calls.first?.givenText("taskfile") == "/data/名.task.json")
        #expect(calls.first?.flag("reactive") == .value(false))
        #expect(calls.last?.parameters["more"] == [1, [:]])
    }

    @Test
    func `a call that fails is a 200 with the text`() async throws {
        try await withServer { server async throws in
            let answer = try await server.post("/send", envelope("send", #"{"taskfile":"/etc/shadow"}"#))
            #expect(answer.status == 200)
            #expect(answer.json?["return_status"]?.stringValue == "false")
            #expect(answer.desc == "open json file error:open /etc/shadow: no such file or directory")
        }
    }

    @Test(arguments: [
        "", "{", "not json", "[]", "\"text\"", "17", #"{"message_id":"1",}"#, #"{"method_params":[]}"#,
        #"{"method_params":"x"}"#, #"{"method_name":7}"#, "{\"a\":\"\u{1}\"}", "{}{}",
    ])
    func `a body that is no call is a 400 in the same envelope`(body: String) async throws {
        let node = SmallNode()
        try await withServer(node) { server async throws in
            let answer = try await server.post("/recv", body)
            #expect(answer.status == 400)
            #expect(answer.json?["return_status"]?.stringValue == "false")
            #expect(answer.json?["method_name"]?.stringValue == "recv")
            #expect(!answer.desc.isEmpty)
        }
        #expect(await node.calls.isEmpty)
    }

    @Test
    func `brackets by the thousand are refused and harm nobody`() async throws {
        try await withServer { server async throws in
            let deep = String(repeating: "[", count: 200_000)
            #expect(try await server.post("/recv", deep).status == 400)
            let closed = envelope(
                "recv", #"{"a":"# + String(repeating: "[", count: 40) + String(repeating: "]", count: 40) + "}")
            #expect(try await server.post("/recv", closed).status == 400)
            #expect(try await server.get("/heartbeat").status == 200)
        }
    }

    @Test
    func `a body over the limit is a 413, announced or not`() async throws {
        let node = SmallNode()
        try await withServer(node) {
            $0.limits.bodyBytes = 1000
        } _: { server async throws in
            let padding = String(repeating: "x", count: 2000)
            let announced = try await server.post("/recv", envelope("recv", #"{"taskfile":"\#(padding)"}"#))
            #expect(announced.status == 413)
            let head =
                "POST /recv HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            let chunk = "400\r\n" + String(repeating: " ", count: 0x400) + "\r\n"
            let bytes = await HTTPTalk.exchange(server.address.port, Array((head + chunk + chunk + "0\r\n\r\n").utf8))
            #expect(Answer(bytes)?.status == 413)
        }
        #expect(await node.calls.isEmpty)
    }

    @Test
    func `a body that never comes to its end is given up`() async throws {
        try await withServer {
            $0.limits.bodyTime = .milliseconds(200)
        } _: { server async throws in
            let head = "POST /recv HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{"
            let bytes = await HTTPTalk.exchange(server.address.port, Array(head.utf8), isEnough: { !$0.isEmpty })
            #expect(Answer(bytes)?.status == 408)
        }
    }

    @Test
    func `a method that is not the path's starts nothing`() async throws {
        let node = SmallNode()
        try await withServer(node) { server async throws in
            let answer = try await server.post("/send", envelope("cancel", #"{"taskfile":"/data/a.task.json"}"#))
            #expect(answer.status == 200)
            #expect(answer.json?["return_status"]?.stringValue == "false")
            #expect(answer.desc == "method_name of this path is send")
        }
        #expect(await node.calls.isEmpty)
    }

    @Test
    func `without method_name the path says what is meant`() async throws {
        try await withServer { server async throws in
            let answer = try await server.post("/recv", #"{"method_params":{"taskfile":"/data/a-1-b.task.json"}}"#)
            #expect(answer.json?["return_status"]?.stringValue == "true")
            #expect(answer.json?["method_name"]?.stringValue == "recv")
            #expect(answer.json?["reqest_message_id"]?.stringValue == "")
        }
    }

    @Test
    func `an id that is a number comes back as a number, one that is neither text nor number as nothing`() async throws
    {
        try await withServer { server async throws in
            let number = try await server.post("/cancel", envelope("cancel", "{}", id: "321"))
            #expect(number.json?["request_message_id"] == .integer(321))
            let list = try await server.post("/cancel", envelope("cancel", "{}", id: "[1]"))
            #expect(list.json?["request_message_id"] == "")
        }
    }

    @Test
    func `a cacher's progress has the method that was asked for`() async throws {
        try await withServer(SmallNode(role: "cacher")) { server async throws in
            let wrong = try await server.post("/progress", envelope("progress", #"{"taskfile":"a.task.json"}"#))
            #expect(wrong.desc == "do not support cacher type progress, change method_name to cprogress")
            let right = try await server.post("/progress", envelope("cprogress", #"{"taskfile":"a.task.json"}"#))
            #expect(right.json?["method_name"]?.stringValue == "cprogress")
        }
    }

    @Test(arguments: ["/", "/nothing", "/send", "/v1/nothing"])
    func `paths that do not exist are a 404, and so are calls by GET`(path: String) async throws {
        try await withServer { server async throws in
            #expect(try await server.get(path).status == 404)
        }
    }

    @Test
    func `many calls go over one connection`() async throws {
        try await withServer { server async throws in
            let body = envelope("cancel", #"{"taskfile":"none.task.json"}"#)
            let one = "POST /cancel HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            let last = "GET /heartbeat HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            let text = String(
                decoding: await HTTPTalk.exchange(server.address.port, Array((one + one + one + last).utf8)),
                as: UTF8.self)
            #expect(text.ranges(of: "HTTP/1.1 200").count == 4)
            #expect(text.ranges(of: "no need to cancel, not found task: none.task.json").count == 3)
        }
    }
}

@Suite("Calls by GET")
struct PageTests {
    @Test
    func `they answer as they always have`() async throws {
        try await withServer { server async throws in
            #expect(try await server.get("/heartbeat").text == "\"2026-01-02 03:04:05 is living.\"")
            #expect(try await server.get("/reloadconf").text == "\"reload config.json ok.\"")
            #expect(try await server.get("/version").text == "2.001")
            #expect(try await server.get("/showschedules").text == "Now: 2026-01-02 03:04:05\n")
        }
    }

    @Test
    func `health is 503 with the reason while the node cannot work`() async throws {
        let node = SmallNode()
        try await withServer(node) { server async throws in
            #expect(try await server.get("/healthz").status == 200)
            await node.setProblem("/data is read-only")
            let answer = try await server.get("/healthz")
            #expect(answer.status == 503)
            #expect(answer.text == "/data is read-only\n")
        }
    }

    @Test
    func `metrics are in Prometheus' format and count requests`() async throws {
        try await withServer { server async throws in
            _ = try await server.post("/recv", envelope("recv", "{}"))
            _ = try await server.post("/recv", "no")
            let page = try await server.get("/metrics")
            #expect(page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            let lines = page.text.split(separator: "\n").map(String.init)
            #expect(lines.contains("swoop_node_tasks 0"))
            #expect(lines.contains("# HELP swoop_node_bytes_total Bytes by \"source\".\\nAll of them."))
            #expect(lines.contains(#"swoop_node_bytes_total{source="a\"b\\c\nd"} 1.5"#))
            #expect(lines.contains(#"swoop_node_http_requests_total{subject="recv",status="2xx"} 1"#))
            #expect(lines.contains(#"swoop_node_http_requests_total{subject="recv",status="4xx"} 1"#))
        }
    }
}
