import BFT
import Foundation
import Node
import Policy
import TestSupport
import Testing

/// The deployed system's plan for quiet hours: five small deliveries and one that takes two days.
@Suite("Plan: schedule", .serialized, .timeLimit(.minutes(2)))
struct SchedulePlanTests {
    private static let shares = ["1:0:0", "1:1:1", "1:0:1", "0:1:1", "0:0:1"]
    private static func name(_ shares: String) -> String { "xiaofang" + shares.filter { $0 != ":" } }
    private static func file(_ name: String) -> String { "cfec-001-\(name).task.json" }

    @Test
    func `Nothing moves before the window, everything in it; what is not done stops without an error and goes on`()
        async throws
    {
        let web = try TestServer()
        let clock = TestClock(minuteOfDay: 12 * 60)
        func windows(_ configuration: inout NodeConfiguration) {
            configuration.windows = PerMethod(repeating: QuietWindow("12:00-12:02") ?? .always)
            configuration.downloadsAtOnce = 10
            configuration.uploadsAtOnce = 10
        }
        let sender = try await ServedNode.start(.sender, server: web, clock: clock, windows)
        web.state.withLock { $0.root = sender.test.configuration.baseDataPath }
        // What is uploaded is uploaded in the window too.
        for (seed, shares) in Self.shares.enumerated() {
            try sender.makeContent(Self.name(shares), files: [60_000, 50_000, 70_000], seed: UInt64(seed + 10))
            _ = try await sender.publish(Self.name(shares), shares, policy: "priortime")
        }
        try sender.makeContent("big", files: [1_500_000, 1_500_000, 1_500_000], seed: 77)
        _ = try await sender.publish("big", "0:1:1", policy: "priortime")
        // Two minutes before midday of the next day.
        clock.forward(minutes: 24 * 60 - 2)
        let receiver = try await ServedNode.start(.receiver, server: web, clock: clock, windows)
        let names = Self.shares.map(Self.name)
        let before = (web.sent("dcp"), web.sent("store"))
        for name in names + ["big"] {
            let path = try await receiver.take(Self.file(name), from: sender)
            try await receiver.expect("recv", ["taskfile": .string(path)], succeeds: "succeed!")
        }
        for name in names + ["big"] {
            try await until("\(name) is taken up") {
                try await receiver.progress(Self.file(name))["status"] == "downloading"
            }
        }
        let schedules = try await receiver.get("/showschedules").text
        for shares in Self.shares {
            let parts = zip(["bt", "obs", "cdn"], shares.split(separator: ":")).filter { $0.1 != "0" }
                .map { " \($0.0): 0 12:00-12:02" }
            let title = "cfec-001-\(Self.name(shares))"
            #expect(schedules.contains("\(title) bt:obs:cdn = \(shares) priortime\(parts.joined())\n"), "\(schedules)")
        }
        #expect(schedules.matches(of: /next runtime:\d{4}-\d\d-\d\d 12:00:00/).count == 3)
        try await clock.everybodyLooks()
        #expect((web.sent("dcp"), web.sent("store")) == before)
        for name in names { #expect(try await receiver.progress(Self.file(name))["totalpercent"] == "0.000%") }

        // The window opens: small ones are done in it, the big one is not.
        web.state.withLock { $0.rate = 150_000 }
        clock.forward(minutes: 2.1)
        for name in names {
            try await receiver.downloaded(Self.file(name))
            for file in 0..<3 {
                #expect(
                    receiver.place.read("dcp/\(name)/reel\(file).mxf")
                        == sender.place.read("dcp/cfec-001/dcps/\(name)/reel\(file).mxf"), "\(name)")
            }
        }
        let during = try await receiver.get("/showschedules").text
        #expect(during.contains("cfec-001-big bt:obs:cdn = 0:1:1 priortime obs: 1 12:00-12:02 cdn: 1 12:00-12:02"))
        let big = Self.file("big")
        try await until("some of it has come") {
            (thousandths(try await receiver.progress(big)["totalpercent"]) ?? 0) > 10_000
        }
        #expect(try await receiver.progress(big)["status"] == "downloading")
        clock.forward(minutes: 2)
        try await until("it pauses") {
            try await receiver.get("/showschedules").text.contains("obs: 0 12:00-12:02 cdn: 0 12:00-12:02")
        }
        try await until("what was under way has ended") { !web.isSending }
        try await clock.everybodyLooks()
        let (sent, paused) = (web.sent("dcp") + web.sent("store"), try await receiver.progress(big))
        #expect(paused["status"] == "downloading")
        #expect(paused["downerror"] == "")
        #expect(paused["rate"] == "0 B/s")
        try await clock.everybodyLooks()
        #expect(web.sent("dcp") + web.sent("store") == sent)
        #expect(try await receiver.progress(big)["totalpercent"] == paused["totalpercent"])
        #expect(!receiver.place.exists("dcp/big"))
        // The next day.
        web.state.withLock { $0.rate = nil }
        clock.forward(minutes: 24 * 60 - 2)
        try await receiver.downloaded(big)
        for file in 0..<3 {
            #expect(
                receiver.place.read("dcp/big/reel\(file).mxf")
                    == sender.place.read("dcp/cfec-001/dcps/big/reel\(file).mxf"))
        }
        await receiver.stop()
        await sender.stop()
    }
}
