import Foundation
import Policy
import Testing
import Text

@Suite struct TimeTests {
    @Test func `local times are written and read as task files have them`() throws {
        let instant = try #require(china.instant(of: "2021-05-28 22:33:57"))
        #expect(instant.seconds == 1_622_212_437)
        #expect(china.text(instant) == "2021-05-28 22:33:57")
        #expect(china.textWithZone(instant) == "2021-05-28 22:33:57 +0800 CST")
    }

    @Test(arguments: [
        "", "2021-02-29 00:00:00", "2021-13-01 00:00:00", "2021-01-01 24:00:00", "2021-01-01T00:00:00",
        "2021-1-01 00:00:00", "20x1-01-01 00:00:00",
    ])
    func `texts that are no time are refused`(text: String) { #expect(LocalTime(text) == nil) }

    @Test func `dates agree with another calendar`() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<300 {
            let seconds = Double(Int.random(in: -2_000_000_000...8_000_000_000, using: &generator))
            let parts = calendar.dateComponents(
                [.year, .month, .day, .hour, .minute, .second], from: Date(timeIntervalSince1970: seconds))
            let expected = String(
                format: "%04d-%02d-%02d %02d:%02d:%02d", parts.year ?? 0, parts.month ?? 0, parts.day ?? 0,
                parts.hour ?? 0, parts.minute ?? 0, parts.second ?? 0)
            let text = FixedOffsetClock.utc.text(Instant(seconds: seconds))
            #expect(text == expected)
            #expect(FixedOffsetClock.utc.instant(of: text) == Instant(seconds: seconds))
        }
    }

    @Test func `instants beyond any calendar do not trap`() {
        for seconds in [Double.infinity, -.infinity, 1e300, -1e300] {
            #expect(!FixedOffsetClock.utc.text(Instant(seconds: seconds)).isEmpty)
        }
    }

    @Test(arguments: [
        ("90s", 90), ("30m", 1800), ("72h", 259_200), ("72", 259_200), ("0", 0), ("7d", 604_800),
        (" 12 ", 43_200),
    ])
    func `seed times count hours unless a suffix says otherwise`(text: String, seconds: Int) {
        #expect(SeedTime(text)?.seconds == seconds)
    }

    @Test(arguments: ["", "h", "-1", "1.5", "72x", "99999999999999999999", "9223372036854775807h", "1 h 2"])
    func `seed times that are none are refused`(text: String) { #expect(SeedTime(text) == nil) }

    @Test func `the system's clock agrees with itself`() {
        let clock = SystemWallClock()
        let now = Instant(seconds: 1_700_000_000)
        #expect(clock.instant(of: clock.text(now)) == now)
        #expect(!clock.zoneName(at: now).isEmpty)
    }
}
