import BFT
import JSON
import Policy
import Testing
import Text

@Suite struct FiguresTests {
    private func thousandths(_ content: JSONObject, _ key: String) throws -> Int {
        let text = try #require(content[key]?.stringValue)
        #expect(text.hasSuffix("%") && text.split(separator: ".").last?.count == 4)
        return try #require(Int(text.dropLast().replacing(".", with: "")))
    }

    @Test func `progress has every field in its order`() {
        let content = ProgressFigures(status: .downloading, taskPath: "/t", totalBytes: 10).content
        #expect(
            content.keys == [
                "status", "taskfullpath", "taskfile", "dcppath", "btstatus", "downerror", "downloaded", "rate",
                "totalpercent", "totoalpercent", "btrate", "btpercent", "obsrate", "obspercent", "cdnrate",
                "cdnpercent",
                "ecompletedtime", "bt2downpercent", "obs2downpercent", "cdn2downpercent", "localsamepercent",
                "totalbytes",
            ])
    }

    @Test func `a download shows what it does`() {
        var figures = ProgressFigures(status: .downloading, taskPath: "/t", totalBytes: 1000)
        figures.contentPath = "/data/dcp/x"
        figures.localBytes = 100
        figures.received = PerMethod(bt: 225, obs: 0, cdn: 10)
        figures.pending = PerMethod(bt: 225, obs: 150, cdn: 290)
        figures.rates = PerMethod(bt: 5, obs: 0, cdn: 0)
        let content = figures.content
        #expect(content["status"] == "downloading")
        #expect(content["dcppath"] == "")
        #expect(content["btstatus"] == "noseeding")
        #expect(content["downloaded"] == 335)
        #expect(content["rate"] == "5 B/s")
        #expect(content["btpercent"] == "22.500%")
        #expect(content["totalpercent"] == "33.500%")
        #expect(content["totoalpercent"] == "33.500%")
        #expect(content["bt2downpercent"] == "45.000%")
        #expect(content["obs2downpercent"] == "15.000%")
        #expect(content["localsamepercent"] == "10.000%")
        #expect(content["totalbytes"] == "1000")
        // 665 bytes at 5 a second.
        #expect(content["ecompletedtime"] == 3)
    }

    @Test func `a download that is done looks as in the seed`() {
        var figures = ProgressFigures(status: .downloaded, taskPath: "/t", totalBytes: 668_521_627)
        figures.contentPath = "/data/dcp/xiaofang"
        figures.localBytes = 668_521_627
        let content = figures.content
        #expect(content["dcppath"] == "/data/dcp/xiaofang")
        #expect(content["downloaded"] == 668_521_627)
        #expect(content["rate"] == "")
        #expect(content["totoalpercent"] == "100.000%")
        #expect(content["btpercent"] == "0.000%")
        #expect(content["ecompletedtime"] == 0)
        #expect(content["localsamepercent"] == "100.000%")
    }

    @Test func `a task that waits has no figures`() {
        let reply = ProgressFigures(status: .queues, taskPath: "/t", totalBytes: 5).reply
        #expect(!reply.succeeded)
        #expect(reply.text == "task in queues, no progress now.")
    }

    @Test func `percentages add up to the last digit`() throws {
        var generator = SeededGenerator(seed: 8)
        for _ in 0..<500 {
            let scales: [Int64] = [10, 1000, 1_000_000_000_000, .max / 8]
            let scale = scales[Int.random(in: scales.indices, using: &generator)]
            var figures = ProgressFigures(status: .downloading, taskPath: "/t", totalBytes: 0)
            for method in DeliveryMethod.allCases {
                figures.received[method] = .random(in: 0...scale, using: &generator)
                figures.pending[method] = Bool.random(using: &generator) ? 0 : .random(in: 0...scale, using: &generator)
            }
            figures.localBytes = .random(in: 1...scale, using: &generator)
            figures.totalBytes = (figures.received.all + figures.pending.all).reduce(figures.localBytes, +)
            let content = figures.content
            let local = try thousandths(content, "localsamepercent")
            let done = try ["bt", "obs", "cdn"].map { try thousandths(content, $0 + "percent") }
            let toDo = try ["bt", "obs", "cdn"].map { try thousandths(content, $0 + "2downpercent") }
            #expect(toDo.reduce(local, +) == 100_000)
            #expect(done.reduce(local, +) == (try thousandths(content, "totalpercent")))
            #expect(zip(done, toDo).allSatisfy { $0 <= $1 })
            let isDone = figures.pending.all.allSatisfy { $0 == 0 }
            if isDone { #expect(content["totalpercent"] == "100.000%") }
        }
    }

    @Test(arguments: [
        (0.0, "0 B/s"), (9999, "9999 B/s"), (10_000, "9 K/s"), (10_238_976, "9999 K/s"), (10_238_977, "9 M/s"),
        (1e12, "953674 M/s"), (-5, "0 B/s"), (Double.nan, "0 B/s"), (Double.infinity, "0 B/s"),
    ])
    func `rates change units where the seed says`(rate: Double, text: String) { #expect(RateText.text(rate) == text) }

    @Test func `nothing that moves means an unknown time`() {
        var figures = ProgressFigures(status: .downloading, taskPath: "/t", totalBytes: 10)
        figures.pending.bt = 10
        #expect(figures.content["ecompletedtime"] == -1)
    }

    @Test func `an unknown upload is unknown throughout`() {
        let reply = UploadFigures.unknown.reply
        #expect(!reply.succeeded)
        #expect(reply.content["status"] == "unknown")
        #expect(["btstatus", "obsstatus", "cdnstatus"].allSatisfy { reply.content[$0] == "unknown" })
        #expect(reply.content.keys == ["taskfile", "status", "desc", "btstatus", "obsstatus", "cdnstatus"])
    }

    @Test(arguments: [
        (Int64(0), "uncompleted 0%"), (66, "uncompleted 66%"), (99, "uncompleted 99%"), (100, "completed"),
    ])
    func `the store shows what the bucket holds`(stored: Int64, text: String) {
        var figures = UploadFigures(status: .uploading, taskPath: "/t")
        figures.totalBytes = 100
        figures.stored = stored
        #expect(figures.content["obsstatus"] == .string(text))
    }

    @Test func `schedules are printed as in the seed`() throws {
        let window = try QuietWindow.parse("22:34-22:37")
        let tasks = [("cfec-001-xiaofang7", "0:1:1"), ("cfec-001-xiaofang9", "0:0:1")].compactMap { title, shares in
            Shares(shares).map {
                ScheduledTask(
                    title: title, shares: $0, policy: .priortime, windows: PerMethod(repeating: window), active: [])
            }
        }
        let now = try #require(china.instant(of: "2021-05-28 22:33:57"))
        let span = "start: 2021-05-28 22:34:00 +0800 CST stop: 2021-05-28 22:37:00 +0800 CST"
        #expect(
            ScheduleReport.text(tasks: tasks, at: now, clock: china) == """
                Now: 2021-05-28 22:33:57
                Scheduls by Methods:
                bt schedules
                bt next runtime: no schedule
                cdn schedules
                cfec-001-xiaofang7 priortime: \(span)
                cfec-001-xiaofang9 priortime: \(span)
                cdn next runtime:2021-05-28 22:34:00
                obs schedules
                cfec-001-xiaofang7 priortime: \(span)
                obs next runtime:2021-05-28 22:34:00
                Schedules by TaskNames:
                cfec-001-xiaofang7
                bt priortime: none
                cdn priortime: \(span)
                obs priortime: \(span)
                cfec-001-xiaofang9
                bt priortime: none
                cdn priortime: \(span)
                obs priortime: none
                All Current Downloading:
                cfec-001-xiaofang7 bt:obs:cdn = 0:1:1 priortime obs: 0 22:34-22:37 cdn: 0 22:34-22:37
                cfec-001-xiaofang9 bt:obs:cdn = 0:0:1 priortime cdn: 0 22:34-22:37

                """)
    }

    @Test func `a method that runs shows 1 and its next window`() throws {
        let window = try QuietWindow.parse("22:34-22:37")
        let task = ScheduledTask(
            title: "cfec-001-x", shares: try #require(Shares("1:0:0")), policy: .priortime,
            windows: PerMethod(repeating: window), active: [.bt])
        let now = try #require(china.instant(of: "2021-05-28 22:35:00"))
        let text = ScheduleReport.text(tasks: [task], at: now, clock: china)
        #expect(text.contains("bt: 1 22:34-22:37"))
        #expect(text.contains("bt next runtime:2021-05-29 22:34:00"))
    }
}
