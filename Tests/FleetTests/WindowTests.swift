import Fleet
import JSON
import Settings
import Testing

@Suite struct WindowTests {
    private func window(_ from: String, _ to: String, days: JSONValue? = nil) throws -> FleetWindow {
        var object: JSONObject = ["from": .string(from), "to": .string(to)]
        if let days { object["days"] = days }
        return try FleetWindow(json: .object(object))
    }

    /// Friday, 2027-01-15, 08:00:00 in UTC.
    private let now = 1_800_000_000.0

    @Test func `Hours in which nothing is open are known for a month`() throws {
        let closed = try WindowSchedule([window("22:00", "06:00")]).closed(from: now, offset: 0)
        #expect(closed.first == now..<now + 14 * 3600)
        #expect(closed.dropFirst().first == now + 22 * 3600..<now + 38 * 3600)
        #expect((30...33).contains(closed.count))
        #expect(WindowSchedule([]).closed(from: now, offset: 0).isEmpty)
        // In China it is four in the afternoon.
        #expect(
            try WindowSchedule([window("22:00", "06:00")]).closed(from: now, offset: 28_800).first
                == now..<now + 6 * 3600)
    }

    @Test func `Of two lists both must be open, and days count`() throws {
        let both = try WindowSchedule([window("22:00", "06:00")], [window("00:00", "24:00", days: ["sat", "sun"])])
        // Saturday begins in 16 hours, with the night under way.
        #expect(both.closed(from: now, offset: 0).first == now..<now + 16 * 3600)
        let never = try WindowSchedule([window("01:00", "02:00")], [window("03:00", "04:00")])
        #expect(never.closed(from: now, offset: 0).count == 1)
        #expect(never.closed(from: .nan, offset: 0).isEmpty && never.closed(from: 1e300, offset: 0).isEmpty)
    }

    @Test func `A window is written as it is read`() throws {
        var one = try window("22:05", "24:00", days: ["mon", "fri"])
        one.limit = 1_000_000
        #expect(try FleetWindow(json: one.json) == one)
        #expect(throws: SettingsError.self) { try FleetWindow(json: ["from": "25:00"]) }
        #expect(throws: SettingsError.self) { try FleetWindow(json: "always") }
    }
}
