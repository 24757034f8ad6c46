import SwarmCore
import Synchronization
import Testing

@testable import swoop

@Suite("JSON lines")
struct JSONValueTests {
    @Test
    func `keys keep their order and strings are escaped`() {
        let value = JSONValue.object([
            ("b", .int(1)), ("a", .array([.null, .bool(true), .double(1.5)])), ("s", .string("\"\\\n\t\u{1B}[31m/é")),
        ])
        #expect(value.text == #"{"b":1,"a":[null,true,1.5],"s":"\"\\\n\t\u001b[31m/é"}"#)
    }

    @Test
    func `text that turns a terminal around is escaped`() {
        #expect(JSONValue.string("a\u{202E}b\u{9B}c\u{2028}").text == #""a\u202eb\u009bc\u2028""#)
    }

    @Test
    func `a number that JSON cannot hold becomes null`() {
        #expect(JSONValue.double(.nan).text == "null")
        #expect(JSONValue.double(-.infinity).text == "null")
    }

    @Test
    func `the lines of the contract have exactly its keys`() {
        let progress = Progress(
            phase: "downloading", done: 5, total: 10, down: 3, up: 2, eta: 4, peers: 1, webSources: 2)
        #expect(
            progress.json.text
                == #"{"event":"progress","done":5,"total":10,"down":3,"up":2,"eta":4,"sources":{"peers":1,"web":2},"#
                + #""phase":"downloading"}"#
        )
        let content = CompletedContent(path: "/d/ü \"x\"", infoHash: "ab", bytes: 7, seconds: 1.23456)
        #expect(
            content.json.text
                == #"{"event":"complete","path":"/d/ü \"x\"","info_hash":"ab","bytes":7,"seconds":1.235}"#)
        var judged = progress
        judged.efficiency = EfficiencyText(
            efficiency: Efficiency(
                achieved: 9, bound: 10, limit: .seedUplink, starved: 0.1, unknown: [.receiverDownlink]))
        #expect(
            judged.json.text.hasSuffix(
                #""efficiency":{"ratio":0.9,"achieved":9,"bound":10,"limit":"seed-uplink","starved":0.1,"#
                    + #""unknown":["receiver-downlink"]}}"#))
        #expect(judged.efficiency?.short == "90% of bound, held by seed uplink")
        #expect(
            Failure(.disk, "m", advice: "a").json.text == #"{"event":"error","code":6,"message":"m","advice":"a"}"#)
    }
}

@Suite("Numbers for people")
struct HumanTextTests {
    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (1000, "1000 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"),
        (99 << 20, "99.0 MiB"), (100 << 20, "100 MiB"), (999 << 20, "999 MiB"), (1000 << 20, "1.0 GiB"),
        (200 << 30, "200 GiB"), (-5, "0 B"), (.max, "8192 PiB"),
    ])
    func `bytes`(_ count: Int, _ text: String) { #expect(HumanText.bytes(count) == text) }

    @Test(arguments: [(0, "0 B/s"), (1_500_000, "1.5 MB/s"), (999_999, "1.0 MB/s"), (12_345_678, "12.3 MB/s")])
    func `rates`(_ rate: Int, _ text: String) { #expect(HumanText.rate(rate) == text) }

    @Test(arguments: [(0, "0s"), (59, "59s"), (60, "1m 00s"), (185, "3m 05s"), (7800, "2h 10m"), (367_200, "4d 06h")])
    func `times`(_ seconds: Int, _ text: String) { #expect(HumanText.time(seconds) == text) }

    @Test
    func `a hundred per cent is only shown at the end`() {
        #expect(HumanText.percent(0, of: 3) == "0.0 %")
        #expect(HumanText.percent(999_999, of: 1_000_000) == "99.9 %")
        #expect(HumanText.percent(3, of: 3) == "100.0 %")
        #expect(HumanText.percent(0, of: 0) == "100.0 %")
        #expect(HumanText.percent(.max, of: .max) == "100.0 %")
    }
}

@Suite("Progress as text")
struct ProgressTextTests {
    let progress = Progress(
        phase: "downloading", done: 600 << 20, total: 1000 << 20, down: 12_000_000, up: 3_000_000, eta: 35, peers: 4)
    let plain = ProgressText.Style(color: false, unicode: false)

    @Test
    func `a wide line has bar, rates, ETA and sources`() {
        let text = ProgressText.bar(progress, label: "film", width: 140, style: plain)
        #expect(
            text
                == "film [######################----------------]  60.0 %   600 MiB of 1.0 GiB  "
                + "down 12.0 MB/s  up  3.0 MB/s      ETA 35s  4 peers"
        )
    }

    @Test
    func `a usual terminal has a bar, the rate, the ETA and the sources`() {
        let text = ProgressText.bar(progress, label: "film", width: 80, style: plain)
        #expect(text == "film [#########-------]  60.0 %   600 MiB  down 12.0 MB/s      ETA 35s  4 peers")
    }

    @Test(arguments: 1...200)
    func `no width is exceeded, whatever the name`(_ width: Int) {
        for label in ["film", "一部很长的电影名字，真的很长很长很长", String(repeating: "x", count: 300), ""] {
            for style in [plain, ProgressText.Style(color: false, unicode: true)] {
                let text = ProgressText.bar(progress, label: label, width: width, style: style)
                #expect(text.columns <= max(width, 7), "\(width): \(text)")
                #expect(text.contains("60.0 %"))
            }
        }
    }

    @Test
    func `a bar that is redrawn does not jump about`() {
        var ends: Set<Int> = []
        for step in 0...100 {
            let progress = Progress(
                phase: "downloading", done: step << 20, total: 100 << 20, down: step * 123_456, up: step,
                eta: 100 - step, peers: 3)
            let text = ProgressText.bar(progress, label: "film", width: 120, style: plain)
            ends.insert(text.distance(from: text.startIndex, to: text.firstIndex(of: "]") ?? text.startIndex))
        }
        #expect(ends.count == 1)
    }

    @Test
    func `colour adds nothing to the width and is off when asked`() {
        let colored = ProgressText.bar(progress, label: "film", width: 140, style: .init(color: true, unicode: true))
        #expect(colored.contains("\u{1B}[32m"))
        #expect(!ProgressText.bar(progress, label: "film", width: 140, style: .init(color: false)).contains("\u{1B}"))
    }

    @Test
    func `the bar is full only at the end`() {
        var progress = progress
        progress.done = progress.total - 1
        #expect(ProgressText.bar(progress, label: "f", width: 140, style: plain).contains("#-]"))
        progress.done = progress.total
        #expect(!ProgressText.bar(progress, label: "f", width: 140, style: plain).contains("-]"))
    }

    @Test
    func `a line for logs names phase and figures`() {
        #expect(
            ProgressText.line(progress)
                == "downloading  60.0 %  600 MiB of 1.0 GiB  down 12.0 MB/s  up 3.0 MB/s  ETA 35s  4 peers")
        #expect(ProgressText.line(progress, label: "r1").hasPrefix("r1: downloading"))
    }

    @Test
    func `local work has neither rates nor peers`() {
        let checking = Progress(phase: "checking", done: 1, total: 2, isTransfer: false)
        #expect(ProgressText.line(checking) == "checking  50.0 %  1 B of 2 B")
    }

    @Test
    func `NO_COLOR and the locale decide the style`() {
        let utf8 = ["LANG": "C.UTF-8"]
        #expect(Terminal.style { utf8[$0] } == .init(color: true, unicode: true))
        #expect(Terminal.style { ["NO_COLOR": "1", "LC_ALL": "de_DE.utf8"][$0] } == .init(color: false, unicode: true))
        #expect(Terminal.style { ["LANG": "C", "NO_COLOR": ""][$0] } == .init(color: true, unicode: false))
    }

    @Test
    func `a table lines up`() {
        let table = TextTable(
            headings: ["file", "bytes", "state"], rows: [["a", "5", "ok"], ["影片", "1000", "missing"]], rightAligned: [1]
        )
        #expect(table.text == "file  bytes  state\na         5  ok\n影片   1000  missing")
    }
}

@Suite("Reporter")
struct ReporterTests {
    /// Collects what would be written.
    final class Sink: Sendable {
        let out = Mutex("")
        let err = Mutex("")

        func reporter(_ mode: Reporter.Mode, width: Int = 80) -> Reporter {
            Reporter(
                mode: mode, out: { text in self.out.withLock { $0 += text } },
                err: { text in self.err.withLock { $0 += text } }, width: { width })
        }

        var written: String { out.withLock { $0 } }
        var said: String { err.withLock { $0 } }
    }

    let progress = Progress(phase: "downloading", done: 1, total: 2)
    let start = ContinuousClock.now

    @Test
    func `JSON progress comes about once a second, human text every five, each on its own stream`() {
        let sink = Sink()
        let reporter = sink.reporter(.init(json: true))
        for tenth in 0..<100 {
            reporter.progress(progress, label: "x", now: start + .milliseconds(100 * tenth))
        }
        #expect(sink.written.split(separator: "\n").count == 10)
        #expect(sink.said.split(separator: "\n").count == 2)
        #expect(sink.written.hasPrefix(#"{"event":"progress""#))
    }

    @Test
    func `without --json, standard output has results and nothing else`() {
        let sink = Sink()
        let reporter = sink.reporter(.init())
        reporter.progress(progress, label: "x")
        reporter.note("news")
        reporter.event(.object([("event", .string("complete"))]))
        reporter.result("the answer")
        reporter.failure(Failure(.failed, "broken"))
        #expect(sink.written == "the answer\n")
        #expect(sink.said.contains("news\n"))
        #expect(sink.said.hasSuffix("error: broken\n"))
    }

    @Test
    func `with --json, standard output has JSON lines and nothing else`() {
        let sink = Sink()
        let reporter = sink.reporter(.init(json: true))
        reporter.note("news")
        reporter.result("the answer")
        reporter.warning("careful")
        reporter.failure(Failure(.notFound, "gone", advice: "look elsewhere"))
        #expect(sink.written == #"{"event":"error","code":4,"message":"gone","advice":"look elsewhere"}"# + "\n")
        #expect(sink.said == "news\nthe answer\nwarning: careful\nerror: gone\n  look elsewhere\n")
    }

    @Test
    func `quiet leaves results, warnings and errors`() {
        let sink = Sink()
        let reporter = sink.reporter(.init(quiet: true))
        reporter.progress(progress, label: "x")
        reporter.note("news")
        reporter.result("the answer")
        reporter.warning("careful")
        reporter.failure(Failure(.failed, "broken"))
        #expect(sink.written == "the answer\n")
        #expect(sink.said == "warning: careful\nerror: broken\n")
    }

    @Test
    func `only the first error is said`() {
        let sink = Sink()
        let reporter = sink.reporter(.init(json: true))
        reporter.failure(Failure(.failed, "first"))
        reporter.failure(Failure(.disk, "second"))
        #expect(sink.written.split(separator: "\n").count == 1)
        #expect(!sink.said.contains("second"))
    }

    @Test
    func `bars are redrawn in place and make way for other text`() {
        let sink = Sink()
        let reporter = sink.reporter(.init(redraws: true, style: .init(color: false, unicode: false)), width: 60)
        let rows = [("a", progress), ("b", progress)].map { (label: $0.0, progress: $0.1) }
        reporter.progress(progress, rows: rows, now: start)
        #expect(sink.said.split(separator: "\n").count == 3)
        reporter.progress(progress, rows: rows, now: start + .milliseconds(50))
        #expect(!sink.said.contains("\u{1B}[2A"), "too early to draw again")
        reporter.progress(progress, rows: rows, now: start + .milliseconds(250))
        #expect(sink.said.contains("\u{1B}[2A\r"))
        reporter.note("news")
        #expect(sink.said.hasSuffix("\u{1B}[2A\r\u{1B}[Jnews\n"))
    }
}
