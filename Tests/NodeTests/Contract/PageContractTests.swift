import BFT
import Foundation
import JSON
import Node
import TestSupport
import Testing
import Text

/// The pages, the envelope and what lies under `/v1/`, of a whole node over sockets.
@Suite("Contract: pages and envelope", .serialized, .timeLimit(.minutes(1)))
struct PageContractTests {
    private static let calls = [
        "gentask", "taskfilesquery", "send", "sends", "uploadprogress", "recv", "progress", "cancel",
    ]

    @Test
    func `heartbeat, version, reloadconf and showschedules answer in the words that clients know`() async throws {
        let place = try TemporaryDirectory()
        let text = """
            {"servertype": "receiver", "basedatapath": "\(place.path)/dcp", "datapath": "\(place.path)/data",
             "hashtable": "\(place.path)/hashtable.txt", "btlisten": "127.0.0.1:0", "downloadingnum": "3"}
            """
        try place.write("config.json", Array(text.utf8))
        let configuration = try NodeConfiguration.parse(Array(text.utf8))
        let node = try DeliveryNode(
            configuration: configuration, configurationPath: place.path + "/config.json", logger: .init(label: "test"))
        try await node.start()
        let served = try await ServedNode.serve(TestNode(node: node, place: place, configuration: configuration))
        let living = try await served.get("/heartbeat").text.trimmingCharacters(in: ["\n"])
        #expect(living.wholeMatch(of: /"?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d is living\."?/) != nil, "\(living)")
        #expect(try await served.get("/version").text.trimmingCharacters(in: ["\n"]) == "2.001")
        func reload() async throws -> String {
            let value = try JSONValue.parse(try await served.get("/reloadconf").bytes)
            return value.stringValue ?? ""
        }
        #expect(try await reload() == "reload config.json ok.")
        // A mistake leaves the configuration as it was, and is named.
        try place.write("config.json", Array(text.replacingOccurrences(of: "\"3\"", with: "\"many\"").utf8))
        #expect(try await reload().contains("downloadingnum"))
        #expect(await node.configuration.downloadsAtOnce == 3)
        try place.write("config.json", Array("{\"servertype\": \"receiver\"\n \"machinetype\": \"local\"}".utf8))
        #expect(try await reload().contains("line 2"))
        try place.write("config.json", Array(text.replacingOccurrences(of: "\"3\"", with: "7").utf8))
        #expect(try await reload() == "reload config.json ok.")
        #expect(await node.configuration.downloadsAtOnce == 7)
        let schedules = try await served.get("/showschedules").text
        let lines = schedules.split(separator: "\n").map(String.init)
        #expect(lines.first?.wholeMatch(of: /Now: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d/) != nil)
        #expect(
            Array(lines.dropFirst()) == [
                "Scheduls by Methods:", "bt schedules", "bt next runtime: no schedule", "cdn schedules",
                "cdn next runtime: no schedule", "obs schedules", "obs next runtime: no schedule",
                "Schedules by TaskNames:", "All Current Downloading:",
            ])
        #expect(try await served.get("/healthz").status == 200)
        #expect(
            try await served.get("/metrics").text.contains("swoop_node_tasks{side=\"receiver\",state=\"queues\"} 0"))
        await served.stop()
    }

    @Test
    func `What a command line set holds when the configuration is loaded again`() async throws {
        let place = try TemporaryDirectory()
        let text = """
            {"servertype": "receiver", "basedatapath": "\(place.path)/dcp", "datapath": "\(place.path)/other",
             "hashtable": "\(place.path)/hashtable.txt", "btlisten": "127.0.0.1:0"}
            """
        try place.write("config.json", Array(text.utf8))
        let overrides: JSONObject = ["datapath": .string(place.path + "/data")]
        let node = try DeliveryNode(
            configuration: try NodeConfiguration.parse(Array(text.utf8), overriding: overrides),
            configurationPath: place.path + "/config.json", overrides: overrides, logger: .init(label: "test"))
        try await node.start()
        #expect(await node.reloadconf() == "reload config.json ok.")
        #expect(await node.configuration.dataPath == place.path + "/data")
        #expect(await node.configuration.taskRoots == [place.path + "/data", "/tmp"])
        #expect(!place.exists("other"))
        await node.stop()
    }

    @Test
    func `Every call answers in the envelope: without parameters, with wrong ones, and to bodies that are no call`()
        async throws
    {
        let web = try TestServer()
        let node = try await ServedNode.start(.sender, server: web)
        let open = "open json file error:open : no such file or directory"
        let texts: [String: String?] = [
            "gentask": "error, please provide taskfile path.", "send": open, "recv": open,
            "progress": "unknown task, not found task.", "cancel": "no need to cancel, not found task: ",
            "uploadprogress": "",
        ]
        for call in Self.calls {
            let bare = try await node.call(call)
            if let text = texts[call] { #expect(bare.desc == text, "\(call)") }
            #expect(bare.succeeded == (call == "cancel"), "\(call)")
            // Ids that are numbers come back as numbers.
            _ = try await node.call(call, id: 7)
            for wrong: JSONValue in [7, true, .null, [], ["a": []], .string("\u{0}"), .string("../../etc/passwd")] {
                let reply = try await node.call(
                    call,
                    ["taskfile": wrong, "dcppath": wrong, "basesubdir": wrong, "btobscdn": wrong, "seedtime": wrong])
                #expect(reply.succeeded == (call == "cancel"), "\(call) of \(wrong)")
            }
            for body in ["", "{", "[]", "7", "null", "{\"method_params\": 7}", String(repeating: "[", count: 50_000)] {
                let answer = try await node.request(.POST, "/\(call)", body: body)
                #expect(answer.status == 400, "\(call): \(body.prefix(20))")
                #expect(answer.json?["return_status"] == "false")
                #expect(answer.desc?.isEmpty == false)
            }
            let huge = "{\"message_id\": \"\(String(repeating: "x", count: 3 << 20))\"}"
            let refused = try? await node.request(.POST, "/\(call)", body: huge)
            #expect(refused == nil || refused?.status == 413, "\(call)")
            #expect(try await node.get("/\(call)").status != 200)
        }
        let lost = try await node.request(.POST, "/nosuchcall", body: "{}")
        #expect(lost.status == 404)
        #expect(lost.json?["return_status"] == "false")
        await node.stop()
    }

    @Test
    func `With a token, calls want it; where no page of a web site may come, none does`() async throws {
        let web = try TestServer()
        let node = try await ServedNode.start(.receiver, server: web) { $0.apiToken = Secret("tok-en") }
        let call = "{\"message_id\":\"1\",\"method_name\":\"progress\",\"method_params\":{\"taskfile\":\"x\"}}"
        #expect(try await node.request(.POST, "/progress", body: call).status == 401)
        #expect(
            try await node.request(.POST, "/progress", body: call, headers: ["Authorization": "Bearer tok-e"]).status
                == 401)
        let admitted = try await node.request(
            .POST, "/progress", body: call, headers: ["Authorization": "Bearer tok-en"])
        #expect(admitted.status == 200)
        #expect(admitted.desc == "unknown task, not found task.")
        for page in ["/heartbeat", "/version", "/healthz"] { #expect(try await node.get(page).status == 200) }
        for page in ["/showschedules", "/reloadconf", "/metrics", "/v1/tasks"] {
            let answer = try await node.get(page)
            #expect(answer.status == 401, "\(page)")
            #expect(!answer.text.contains("tok-en"))
        }
        await node.stop()
        let open = try await ServedNode.start(.receiver, server: web)
        #expect(
            try await open.request(.POST, "/progress", body: call, headers: ["Origin": "http://evil.example"]).status
                == 403)
        await open.stop()
    }

    @Test
    func `Keys of the object store appear in no reply, page or path of the node`() async throws {
        let web = try TestServer()
        let node = try await ServedNode.start(.sender, server: web) {
            $0.storeKeys.secretKey = Secret("CONFIGUREDSECRET")
            $0.storeKeys.accessKey = Secret("CONFIGUREDACCESS")
        }
        web.state.withLock { [node] in $0.root = node.test.configuration.baseDataPath }
        try node.makeContent("film")
        let file = try await node.publish("film", "1:1:1")
        var texts: [String] = []
        for page in ["/v1/taskfiles/\(file)", "/v1/tasks", "/metrics", "/showschedules"] {
            texts.append(try await node.get(page).text)
        }
        for call in Self.calls { texts.append(try await node.call(call, ["taskfile": .string(file)]).text) }
        let shown = texts.joined()
        #expect(!shown.contains("CONFIGUREDSECRET") && !shown.contains("CONFIGUREDACCESS"))
        await node.stop()
    }
}
