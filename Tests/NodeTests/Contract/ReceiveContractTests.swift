import BFT
import Foundation
import JSON
import Node
import TestSupport
import Testing

/// Every text of the calls of nodes that receive, over sockets.
@Suite("Contract: receiving", .serialized, .timeLimit(.minutes(2)))
struct ReceiveContractTests {
    let web: TestServer
    let sender: ServedNode

    init() async throws {
        let web = try TestServer()
        self.web = web
        sender = try await ServedNode.start(.sender, server: web)
        web.state.withLock { [sender] in $0.root = sender.test.configuration.baseDataPath }
    }

    @Test
    func `recv: its failures about the task file`() async throws {
        try sender.makeContent("film")
        let file = try await sender.publish("film", "1:1:1")
        let receiver = try await ServedNode.start(.receiver, server: web)
        let path = "\(receiver.data)/receiver/tmp/\(file)"
        let parameters: JSONObject = ["taskfile": .string(path)]
        let good = try TaskFile.parse(try await sender.get("/v1/taskfiles/\(file)").bytes)
        func expect(_ text: String, _ change: (inout JSONObject) -> Void) async throws {
            var object = try #require(try JSONValue.parse(good.encode()).objectValue)
            change(&object)
            try receiver.place.write("data/receiver/tmp/\(file)", JSONValue.object(object).encode())
            try await receiver.expect("recv", parameters, fails: text)
        }
        for place in [
            path, "/etc/hostname", "/nowhere/\(file)", "\(receiver.data)/receiver/tmp/../../../../etc/passwd",
        ] {
            try await receiver.expect(
                "recv", ["taskfile": .string(place)],
                fails: "open json file error:open \(place): no such file or directory")
        }
        try receiver.place.write("data/receiver/tmp/\(file)", Array("[1,".utf8))
        try await receiver.expect("recv", parameters, fails: "invalid json format:\(path)")
        try await receiver.expect(
            "recv", ["taskfile": .string(path), "reactive": "soon"], fails: "reactive parameter input error")
        try await expect("invalid json format:\(path)") {
            $0["filelist"] = [["file": "../x", "hash": .string(String(repeating: "a", count: 40)), "size": 1]]
        }
        try await expect("total files size equal 0 :\(path)") { object in
            let empty = good.fileList.map { entry -> JSONValue in
                ["file": .string(entry.file), "hash": .string(entry.hash), "size": 0]
            }
            object["filelist"] = .array(empty)
            for key in ["btlistsize", "obslistsize", "cdnlistsize", "btlistsize2", "obslistsize2", "cdnlistsize2"] {
                object[key] = 0
            }
            object["size"] = 0
        }
        try await expect("total files size equal 0") { $0["size"] = 0 }
        try await expect("totalsize != all lists sum : \(path)") { $0["btlistsize"] = 1 }
        try await expect("totalsize != all lists sum : \(path)") { $0["cdnlist"] = [] }
        try await expect("totalsize != all lists2 sum + localsamesize : \(path)") { $0["obslistsize2"] = 77 }
        try await expect("need tmptorrent and found bt.tmpurl is empty.") { object in
            object["bt"] = object["bt"]?.setting("tmpurl", "")
        }
        let none = web.url + "/dcp/none.torrent"
        try await expect("could not download torrent from \(none)") { object in
            object["bt"] = object["bt"]?.setting("url", .string(none))
        }
        try await expect("could not download tmptorrent from \(none)") { object in
            object["bt"] = object["bt"]?.setting("tmpurl", .string(none))
        }
        let differs = "taskfile btlist is not equal torrent content, check taskfile or tmp torrent: "
        try await expect(differs + good.bt.tmpURL) { object in
            object["bt"] = object["bt"]?.setting("tmpinfohash", .string(String(repeating: "12", count: 20)))
        }
        // None of that left a task behind.
        #expect(
            try await receiver.call("progress", ["taskfile": .string(file)]).desc == "unknown task, not found task.")
        await receiver.stop()
        await sender.stop()
    }

    @Test
    func `recv: the same task in queues, downloading and downloaded, and a place that cannot be written to`()
        async throws
    {
        for (seed, name) in ["one", "two"].enumerated() { try sender.makeContent(name, seed: UInt64(seed + 1)) }
        let one = try await sender.publish("one", "0:0:1")
        let two = try await sender.publish("two", "0:0:1")
        let receiver = try await ServedNode.start(.receiver, server: web) { $0.downloadsAtOnce = 1 }
        web.state.withLock { $0.rate = 100_000 }
        try await receiver.expect(
            "recv", ["taskfile": .string(try await receiver.take(one, from: sender))], succeeds: "succeed!")
        try await until("downloading") { try await receiver.progress(one)["status"] == "downloading" }
        try await receiver.expect(
            "recv", ["taskfile": .string(try await receiver.take(two, from: sender))], succeeds: "succeed!")
        try await receiver.expect("progress", ["taskfile": .string(two)], fails: "task in queues, no progress now.")
        for (file, state) in [(one, "downloading"), (two, "queues")] {
            let now = "\(receiver.data)/receiver/\(state)/\(file)"
            let given = try await receiver.take(file, from: sender)
            try await receiver.expect(
                "recv", ["taskfile": .string(given)], fails: "same taskfile in \(state):\(now)")
            try await receiver.expect("recv", ["taskfile": .string(now)], fails: "same taskfile in \(state):\(now)")
        }
        web.state.withLock { $0.rate = nil }
        for file in [one, two] { try await receiver.downloaded(file) }
        let now = "\(receiver.data)/receiver/downloaded/\(one)"
        try await receiver.expect("recv", ["taskfile": .string(now)], fails: "same taskfile in downloaded:\(now)")

        // Its place is taken by something else: the task file stays where it is.
        let tmp = "\(receiver.data)/receiver/tmp"
        try FileManager.default.removeItem(atPath: tmp)
        try Data().write(to: URL(fileURLWithPath: tmp))
        let third = "\(receiver.place.path)/cfec-001-three.task.json"
        try sender.makeContent("three", seed: 3)
        let file = try await sender.publish("three", "0:0:1")
        try receiver.place.write("cfec-001-three.task.json", try await sender.get("/v1/taskfiles/\(file)").bytes)
        try await receiver.expect("recv", ["taskfile": .string(third)], fails: "move json file to \(tmp) erro")
        #expect(receiver.place.exists("cfec-001-three.task.json"))
        await receiver.stop()
        await sender.stop()
    }

    @Test
    func `recv: its five successes`() async throws {
        try sender.makeContent("film")
        let file = try await sender.publish("film", "1:0:1")
        let receiver = try await ServedNode.start(.receiver, server: web)
        func recv(_ file: String) async throws -> String? {
            try await receiver.call("recv", ["taskfile": .string(try await receiver.take(file, from: sender))]).desc
        }
        #expect(try await recv(file) == "succeed!")
        #expect(!receiver.place.exists("data/receiver/tmp/\(file)"))
        try await receiver.downloaded(file)
        #expect(
            try await recv(file) == "same name task downloaded, all localsamefiles existed copy and finished, succeed!")
        // The marker of the earlier delivery is gone when recv replies, and comes again.
        try await receiver.downloaded(file)
        #expect(receiver.place.exists("dcp/film.finished"))

        // Other content of the same name comes anew.
        try sender.makeContent("film", seed: 7)
        _ = try await sender.publish("film", "1:0:1")
        #expect(try await recv(file) == "same name task downloaded, to download again.")
        try await receiver.downloaded(file)
        #expect(receiver.place.read("dcp/film/reel1.mxf") == sender.place.read("dcp/cfec-001/dcps/film/reel1.mxf"))

        // The same content under another name is only copied.
        try sender.makeContent("copy", seed: 7)
        let copy = try await sender.publish("copy", "1:0:1")
        #expect(try await recv(copy) == "all localsamefiles existed copy and finished, succeed!")
        let progress = try await receiver.downloaded(copy)
        #expect(progress["localsamepercent"] == "100.000%")
        #expect(receiver.place.read("dcp/copy/reel2.mxf") == sender.place.read("dcp/cfec-001/dcps/film/reel2.mxf"))

        let cacher = try await ServedNode.start(.cacher, server: web)
        let path: JSONValue = .string(try await cacher.take(file, from: sender))
        try await cacher.expect("recv", ["taskfile": path], succeeds: "succeed!")
        try await until("serving") {
            try await cacher.call("cprogress", at: "progress", ["taskfile": .string(file)]).content["status"]
                == "seeding"
        }
        _ = try await cacher.take(file, from: sender)
        try await cacher.expect(
            "recv", ["taskfile": path, "reactive": "true"],
            succeeds: "reactive cacher bt seeding with taskfile:\(file)")
        for node in [cacher, receiver, sender] { await node.stop() }
    }

    private static let fields = [
        "status", "taskfullpath", "taskfile", "dcppath", "btstatus", "downerror", "downloaded", "rate", "totalpercent",
        "totoalpercent", "btrate", "btpercent", "obsrate", "obspercent", "cdnrate", "cdnpercent", "ecompletedtime",
        "bt2downpercent", "obs2downpercent", "cdn2downpercent", "localsamepercent", "totalbytes",
    ]

    /// What every reply to progress that has figures must be.
    private func check(_ content: JSONObject, total: Int) {
        #expect(Set(content.members.map(\.key)) == Set(Self.fields))
        for key in Self.fields where !["downloaded", "ecompletedtime"].contains(key) {
            #expect(content[key]?.stringValue != nil, "\(key) is a string")
        }
        for key in ["downloaded", "ecompletedtime"] { #expect(content[key]?.integerValue != nil, "\(key) is a number") }
        #expect(content["totalbytes"] == .string("\(total)"))
        #expect(content["totoalpercent"] == content["totalpercent"])
        #expect(content["taskfile"] == content["taskfullpath"])
        let local = thousandths(content["localsamepercent"]) ?? -1
        let done = ["bt", "obs", "cdn"].map { thousandths(content["\($0)percent"]) ?? -1 }
        let toDo = ["bt", "obs", "cdn"].map { thousandths(content["\($0)2downpercent"]) ?? -1 }
        #expect(done.reduce(local, +) == thousandths(content["totalpercent"]))
        #expect(toDo.reduce(local, +) == 100_000)
        for (done, toDo) in zip(done, toDo) { #expect(done <= toDo) }
        for key in ["rate", "btrate", "obsrate", "cdnrate"] {
            let rate = content[key]?.stringValue ?? "?"
            #expect(rate.isEmpty || ["B/s", "K/s", "M/s"].contains { rate.hasSuffix($0) }, "\(rate)")
        }
    }

    @Test
    func `progress has every field, of the right kind, with sums that hold, from queues to downloaded`() async throws {
        let sizes = [100_003, 200_000, 300_001, 400_000, 500_001]
        try sender.makeContent("film", files: sizes)
        try sender.makeContent("film2", files: [100_003, 200_000], seed: 1)
        let total = sizes.reduce(0, +)
        let file = try await sender.publish("film", "1:1:1")
        let first = try await sender.publish("film2", "0:0:1")
        let receiver = try await ServedNode.start(.receiver, server: web)
        let unknown: JSONObject = ["taskfile": .string(file)]
        try await receiver.expect("progress", unknown, fails: "unknown task, not found task.")
        // Two of five files are here before.
        _ = try await receiver.call("recv", ["taskfile": .string(try await receiver.take(first, from: sender))])
        try await receiver.downloaded(first)
        web.state.withLock { $0.rate = 150_000 }
        _ = try await receiver.call("recv", ["taskfile": .string(try await receiver.take(file, from: sender))])
        var seen: Set<String> = []
        var last = -1
        try await until("downloaded") {
            let reply = try await receiver.call("progress", ["taskfile": .string(file)])
            guard reply.succeeded else { return false }
            check(reply.content, total: total)
            let percent = thousandths(reply.content["totalpercent"]) ?? -1
            #expect(percent >= last, "it goes forward")
            last = percent
            // Right from the first on.
            #expect(reply.content["localsamepercent"] == "20.001%" || reply.content["localsamepercent"] == "20.000%")
            let status = reply.content["status"]?.stringValue ?? ""
            seen.insert(status)
            #expect(status == "downloaded" || reply.content["dcppath"] == "")
            return status == "downloaded"
        }
        #expect(seen.isSuperset(of: ["downloading", "downloaded"]))
        let end = try await receiver.progress(file)
        #expect(end["dcppath"] == .string(receiver.place.path + "/dcp/film"))
        #expect(end["totalpercent"] == "100.000%")
        #expect(end["downloaded"] == .integer(Int64(total)))
        #expect(end["ecompletedtime"] == 0)
        #expect(end["downerror"] == "")
        #expect(end["taskfile"] == .string("\(receiver.data)/receiver/downloaded/\(file)"))
        await receiver.stop()
        await sender.stop()
    }

    @Test
    func `progress of a cacher, of a task that failed and of one that cannot be read`() async throws {
        try sender.makeContent("film")
        let file = try await sender.publish("film", "1:0:1")
        let cacher = try await ServedNode.start(.cacher, server: web)
        _ = try await cacher.call("recv", ["taskfile": .string(try await cacher.take(file, from: sender))])
        try await cacher.expect(
            "progress", ["taskfile": .string(file)],
            fails: "do not support cacher type progress, change method_name to cprogress")
        // It is taken up soon after the reply.
        try await until("it serves") {
            try await cacher.call("cprogress", at: "progress", ["taskfile": .string(file)]).content["status"]
                == "seeding"
        }
        let serving = try await cacher.call("cprogress", at: "progress", ["taskfile": .string(file)])
        #expect(serving.succeeded)
        #expect(serving.content["status"] == "seeding")
        #expect(serving.desc == "btseeding dir:\(cacher.data)/transfer/bt/cfec-001/film-tmp")
        let none = try await cacher.call("cprogress", at: "progress", ["taskfile": "cfec-001-none.task.json"])
        #expect(!none.succeeded)
        #expect(none.desc == "unknown task, not found task.")
        await cacher.stop()

        let receiver = try await ServedNode.start(.receiver, server: web)
        let bad = "cfec-001-bad.task.json"
        let path = "\(receiver.data)/receiver/queues/\(bad)"
        try receiver.place.write("data/receiver/queues/\(bad)", Array("{}".utf8))
        // Nobody is writing it any more.
        try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSinceNow: -60)], ofItemAtPath: path)
        try await until("refused") { try await receiver.progress(bad)["status"] == "downloaderror" }
        let refused = try await receiver.call("progress", ["taskfile": .string(bad)])
        #expect(refused.succeeded)
        check(refused.content, total: 0)
        #expect(refused.content["downerror"] == .string("invalid json format:\(path)"))
        #expect(refused.content["totalpercent"] == "0.000%")
        let odd = "cfec-001-odd.task.json"
        try receiver.place.write("data/receiver/history/\(odd)", Array("{}".utf8))
        let open = "open dir error:open \(receiver.data)/receiver/history/\(odd) : no such file or directory"
        try await receiver.expect("progress", ["taskfile": .string(odd)], fails: open)
        await receiver.stop()
        await sender.stop()
    }

    @Test
    func `cancel prefers a download to an upload of the same name, and says what it did not find`() async throws {
        try sender.makeContent("film")
        let file = try await sender.publish("film", "0:0:1")
        // The sender receives its own content, slowly.
        web.state.withLock { $0.rate = 20_000 }
        try FileManager.default.removeItem(atPath: "\(sender.place.path)/hashtable.txt")
        let both = try await ServedNode.start(.sender, server: web) { $0.avoidsRepeat = false }
        try both.makeContent("film")
        web.state.withLock { [sender] in $0.root = sender.test.configuration.baseDataPath }
        _ = try await both.publish("film", "0:0:1")
        try await both.expect(
            "recv", ["taskfile": .string(try await both.take(file, from: sender))], succeeds: "succeed!")
        try await until("downloading") { try await both.progress(file)["status"] == "downloading" }
        let task: JSONObject = ["taskfile": .string(file)]
        try await both.expect("cancel", task, succeeds: "succeed!")
        try await both.expect("progress", task, fails: "unknown task, not found task.")
        #expect(both.place.names("data/transfer/cfec-001").isEmpty)
        #expect(try await both.call("uploadprogress", task).content["status"] == "ready")
        try await both.expect("cancel", task, succeeds: "succeed!")
        #expect(try await both.call("uploadprogress", task).content["status"] == "unknown")
        try await both.expect("cancel", task, succeeds: "no need to cancel, not found task: \(file)")
        #expect(both.place.exists("dcp/cfec-001/dcps/film/reel1.mxf"))
        await both.stop()
        await sender.stop()
    }
}

extension JSONValue {
    /// An object with one member changed.
    func setting(_ key: String, _ value: JSONValue) -> JSONValue {
        guard var object = objectValue else { return self }
        object[key] = value
        return .object(object)
    }
}
