import BFT
import Foundation
import JSON
import Node
import TestSupport
import Testing

/// Every text of the calls of a sender, over sockets.
@Suite("Contract: sending", .serialized, .timeLimit(.minutes(2)))
struct SendContractTests {
    let web: TestServer
    let sender: ServedNode

    init() async throws {
        let web = try TestServer()
        self.web = web
        sender = try await ServedNode.start(.sender, server: web) {
            $0.baseSubdirectory = try? TaskSubdirectory("cfec-001")
            $0.uploadsAtOnce = 1
        }
        web.state.withLock { [sender] in $0.root = sender.test.configuration.baseDataPath }
    }

    private func path(_ file: String, _ state: String = "tmp") -> String { "\(sender.data)/sender/\(state)/\(file)" }
    private var films: String { "\(sender.place.path)/dcp/cfec-001/dcps" }

    @Test
    func `gentask: its texts of success and failure`() async throws {
        let film = sender.recipe("film", "1:1:1")
        try await sender.expect("gentask", film, fails: "error, not exist dcp path: \(films)/film.")
        try sender.makeContent("film")
        var none = film
        none["taskfile"] = nil
        try await sender.expect("gentask", none, fails: "error, please provide taskfile path.")
        none["taskfile"] = ""
        try await sender.expect("gentask", none, fails: "error, please provide taskfile path.")

        let share = "\(sender.place.path)/dcp/cfec-001/dcps-tmp/film-tmp.torrent"
        let task = path("cfec-001-film.task.json")
        try await sender.expect(
            "gentask", film, succeeds: "please wait until \(films)/film.torrent, \(share) and \(task) all are finished."
        )
        try await until("made") {
            try await sender.call("taskfilesquery", film).content["status"] == "finished"
        }
        try await sender.expect("gentask", film, succeeds: "succeeded!")

        // Without a share of BitTorrent's own there is one torrent.
        try sender.makeContent("second", seed: 2)
        let second = sender.recipe("second", "1:0:0")
        try await sender.expect(
            "gentask", second,
            succeeds: "please wait until \(films)/second.torrent and \(path("cfec-001-second.task.json")) "
                + "all are finished.")

        // Made anew on request: as a flag, a word or a number.
        for old: JSONValue in [true, "true", 1, "1"] {
            var again = film
            again["deloldtorrent"] = old
            #expect(try await sender.call("gentask", again).desc?.hasPrefix("please wait until ") == true, "\(old)")
            try await until("made again") {
                try await sender.call("taskfilesquery", film).content["status"] == "finished"
            }
        }
        await sender.stop()
    }

    @Test
    func `gentask and taskfilesquery while torrents are being made, and of what is broken`() async throws {
        // Big enough to be seen in the making; sparse.
        try sender.makeContent("big", files: [100])
        let big = "\(films)/big/reel0.mxf"
        try #require(truncate(big, 1 << 30) == 0)
        let recipe = sender.recipe("big", "1:0:0")
        let idle = try await sender.call("taskfilesquery", recipe)
        #expect(idle.succeeded)
        #expect(
            idle.content == ["status": "unfinished", "desc": "no make seed process and not found task.json."])
        #expect(try await sender.call("gentask", recipe).succeeded)
        try await sender.expect(
            "gentask", recipe, fails: "same torrent process is generating:\(films)/big.torrent")
        let making = try await sender.call("taskfilesquery", recipe)
        #expect(making.succeeded)
        #expect(making.content == ["status": "unfinished", "desc": "process making seed"])
        try await until("made", seconds: 60) {
            try await sender.call("taskfilesquery", recipe).content["status"] == "finished"
        }
        let made = try await sender.call("taskfilesquery", recipe)
        #expect(made.succeeded)
        #expect(made.content == ["status": "finished", "desc": "succeed!"])

        try FileManager.default.removeItem(atPath: "\(films)/big.torrent")
        let task = path("cfec-001-big.task.json")
        let half = try await sender.call("taskfilesquery", recipe)
        #expect(half.succeeded)
        #expect(
            half.content == [
                "status": "unfinished",
                "desc": .string("please wait until \(films)/big.torrent and \(task) all are finished."),
            ])
        try sender.place.write("data/sender/tmp/cfec-001-big.task.json", Array("{]".utf8))
        let broken = try await sender.call("taskfilesquery", recipe)
        #expect(!broken.succeeded)
        #expect(broken.content == ["status": "error", "desc": .string("open json file error: \(task)")])
        try FileManager.default.removeItem(atPath: "\(films)/big")
        let gone = try await sender.call("taskfilesquery", recipe)
        #expect(!gone.succeeded)
        #expect(gone.content == ["status": "error", "desc": .string("not exist \(films)/big")])
        await sender.stop()
    }

    @Test
    func `send: its nine failures and three successes`() async throws {
        let file = "cfec-001-film.task.json"
        let task: JSONObject = ["taskfile": .string(path(file))]
        func with(_ reactive: JSONValue) -> JSONObject {
            var parameters = task
            parameters["reactive"] = reactive
            return parameters
        }
        // 1 open, 2 format, 9 reactive.
        for place in [path(file), "/etc/hostname", "/nowhere/x.task.json", "\(sender.data)/../../x.task.json"] {
            try await sender.expect(
                "send", ["taskfile": .string(place)],
                fails: "open json file error:open \(place): no such file or directory")
        }
        try sender.place.write("data/sender/tmp/\(file)", Array("not json".utf8))
        try await sender.expect("send", task, fails: "invalid json format:\(path(file))")
        try await sender.expect("send", with("maybe"), fails: "reactive parameter input error")
        try await sender.expect("send", with(7), fails: "reactive parameter input error")

        // 6 no torrent.
        try sender.makeContent("film")
        try await sender.generate("film")
        try FileManager.default.removeItem(atPath: "\(films)/film.torrent")
        try await sender.expect(
            "send", task, fails: "not found torrent:\(films)/film.torrent pls re generate task and torrent.")
        try await sender.generate("film")

        // 3 copying: its place is taken by something else.
        let aside = "/tmp/\(file).\(getpid())"
        try FileManager.default.moveItem(atPath: path(file), toPath: "\(sender.place.path)/\(file)")
        try FileManager.default.moveItem(atPath: "\(sender.data)/sender/tmp", toPath: aside)
        try Data().write(to: URL(fileURLWithPath: "\(sender.data)/sender/tmp"))
        let elsewhere = "\(sender.place.path)/\(file)"
        try await sender.expect(
            "send", ["taskfile": .string(elsewhere)], fails: "copy taskfile: \(elsewhere) error.")
        try FileManager.default.removeItem(atPath: "\(sender.data)/sender/tmp")
        try FileManager.default.moveItem(atPath: aside, toPath: "\(sender.data)/sender/tmp")

        try await sender.expect("send", ["taskfile": .string(elsewhere)], succeeds: "succeeded!")
        try await until("ready") {
            try await sender.call("uploadprogress", ["taskfile": .string(file)]).content["status"] == "ready"
        }
        // 8 it is being served; 7 and it cannot be served anew.
        let again: JSONObject = ["taskfile": .string(elsewhere), "reactive": "false"]
        try await sender.expect(
            "send", again,
            fails: "exisited same name ct torrent bt process, send task failed: film.torrent in \(file)")
        let torrent = try #require(sender.place.read("dcp/cfec-001/dcps/film.torrent"))
        try sender.place.write("dcp/cfec-001/dcps/film.torrent", Array("broken".utf8))
        try await sender.expect(
            "send", ["taskfile": .string(elsewhere)], fails: "restart bt serving failed: film.torrent in \(file)")
        try sender.place.write("dcp/cfec-001/dcps/film.torrent", torrent)
        try await sender.expect(
            "send", ["taskfile": .string(elsewhere)], succeeds: "restarted same name bt process, succeed!")
        await sender.stop()
    }

    @Test
    func `send and sends: the same task in queues and in uploading, and uploadprogress in every state`() async throws {
        // The first one's upload stands still, the second one waits for its place.
        web.state.withLock { $0.refused["/cfec-001"] = 503 }
        for name in ["film", "second"] {
            try sender.makeContent(name, seed: name == "film" ? 1 : 2)
            try await sender.generate(name, "1:1:0")
            try await sender.expect(
                "send", ["taskfile": .string(path("cfec-001-\(name).task.json"))], succeeds: "succeeded!")
        }
        let (first, second) = ("cfec-001-film.task.json", "cfec-001-second.task.json")
        try await until("uploading") { sender.place.exists("data/sender/uploading/\(first)") }
        try await until("the first is served") {
            try await sender.call("uploadprogress", ["taskfile": .string(first)]).content["btstatus"] == "seeding"
        }
        let uploading = try await sender.call("uploadprogress", ["taskfile": .string(first)])
        #expect(uploading.succeeded)
        #expect(uploading.content["taskfile"] == .string(path(first, "uploading")))
        #expect(uploading.content["status"] == "uploading")
        #expect(uploading.content["desc"] == "")
        #expect(uploading.content["cdnstatus"] == "unknown")
        let queued = try await sender.call("uploadprogress", ["taskfile": .string(second)]).content
        #expect(queued["status"] == "queues")
        #expect(queued["taskfile"] == .string(path(second, "queues")))
        for (name, state) in [("film", "uploading"), ("second", "queues")] {
            let file = "cfec-001-\(name).task.json"
            try sender.place.write(
                "data/sender/tmp/\(file)", try #require(sender.place.read("data/sender/\(state)/\(file)")))
            let now = path(file, state)
            try await sender.expect(
                "send", ["taskfile": .string(path(file))], fails: "same taskfile in \(state):\(now)")
            try await sender.expect(
                "sends", sender.recipe(name, "1:1:0"), fails: "same task in \(state):\(now)")
        }
        web.state.withLock { $0.refused = [:] }
        for file in [first, second] {
            try await until("ready") {
                try await sender.call("uploadprogress", ["taskfile": .string(file)]).content["status"] == "ready"
            }
            let ready = try await sender.call("uploadprogress", ["taskfile": .string(file)])
            #expect(
                ready.content == [
                    "taskfile": .string(path(file, "uploaded")), "status": "ready", "desc": "", "btstatus": "seeding",
                    "obsstatus": "completed", "cdnstatus": "unknown",
                ])
        }
        let unknown = try await sender.call("uploadprogress", ["taskfile": "cfec-001-none.task.json"])
        #expect(!unknown.succeeded)
        #expect(
            unknown.content == [
                "taskfile": "", "status": "unknown", "desc": "", "btstatus": "unknown", "obsstatus": "unknown",
                "cdnstatus": "unknown",
            ])
        await sender.stop()
    }

    @Test
    func `sends makes and sends in one call`() async throws {
        try sender.makeContent("film")
        var recipe = sender.recipe("film", "1:0:1")
        recipe["basesubdir"] = nil
        try await sender.expect(
            "sends", recipe,
            succeeds: "succeed, but the torrent is generating, please wait until \(films)/film.torrent is finished.")
        let file = "cfec-001-film.task.json"
        try await until("ready") {
            try await sender.call("uploadprogress", ["taskfile": .string(file)]).content["status"] == "ready"
        }
        // All is there: it is sent at once.
        _ = try await sender.call("cancel", ["taskfile": .string(file)])
        try await sender.expect("sends", recipe, succeeds: "succeeded!")
        let nowhere = sender.recipe("none")
        try await sender.expect("sends", nowhere, fails: "error, not exist dcp path: \(films)/none.")
        await sender.stop()
    }

    @Test
    func `A sender's task ends in history, finished, when its seed time is over; a bad bucket key ends in failed`()
        async throws
    {
        try sender.makeContent("film")
        let file = try await sender.publish("film", "1:0:0", ["seedtime": "1s"])
        try await until("finished") {
            try await sender.call("uploadprogress", ["taskfile": .string(file)]).content["status"] == "finished"
        }
        let finished = try await sender.call("uploadprogress", ["taskfile": .string(file)]).content
        #expect(finished["taskfile"] == .string(path(file, "history")))
        #expect(finished["btstatus"] == "noseeding")

        web.state.withLock { $0.refused["/cfec-001"] = 403 }
        try sender.makeContent("second", seed: 2)
        try await sender.generate("second", "1:1:0", ["ak": "ANOTHERKEY", "sk": "ANOTHERSECRET"])
        let second = "cfec-001-second.task.json"
        try await sender.expect("send", ["taskfile": .string(path(second))], succeeds: "succeeded!")
        try await until("failed") {
            try await sender.call("uploadprogress", ["taskfile": .string(second)]).content["status"] == "error"
        }
        try await until("its details") { sender.place.read("data/sender/failed/\(second).obserr") != nil }
        let details = try #require(sender.place.read("data/sender/failed/\(second).obserr"))
        let failed = try await sender.call("uploadprogress", ["taskfile": .string(second)])
        #expect(failed.content["desc"] != "")
        for text in [failed.text, String(decoding: details, as: UTF8.self)] {
            #expect(!text.contains("ANOTHERKEY") && !text.contains("ANOTHERSECRET"))
        }
        await sender.stop()
    }
}
