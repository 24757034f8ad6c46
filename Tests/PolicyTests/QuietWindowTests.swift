import Policy
import Testing

@Suite struct QuietWindowTests {
    private func instant(_ text: String, _ clock: some WallClock = china) throws -> Instant {
        try #require(clock.instant(of: text))
    }

    /// The spans in which a window is open, found by asking every half minute.
    private func spans(
        _ window: QuietWindow, from: String, hours: Int, clock: some WallClock
    ) throws -> [(opens: String, minutes: Double)] {
        let start = try instant(from, clock)
        var spans: [(Instant, Double)] = []
        var wasOpen = false
        for step in 0..<(hours * 120) {
            let now = start + Double(step * 30)
            let isOpen = window.isOpen(at: now, clock: clock)
            if isOpen && !wasOpen { spans.append((now, 0)) }
            if isOpen { spans[spans.count - 1].1 += 0.5 }
            wasOpen = isOpen
        }
        return spans.map { (clock.text($0.0), $0.1) }
    }

    @Test(arguments: [
        "", "08:00", "08:00-", "8-18", "08:00-18:0", "25:00-01:00", "24:01-02:00", "08:60-09:00",
        "08:00-18:00-20:00", "08:00 to 18:00", "+8:00-09:00", "08:00-18:00x", "००:00-01:00",
    ])
    func `texts that are no window are refused`(text: String) {
        #expect(throws: QuietWindowError.malformed(text)) { try QuietWindow.parse(text) }
    }

    @Test(arguments: ["08:00-08:00", "00:00-00:00", "24:00-00:00", "24:00-24:00"])
    func `a window that starts when it ends is an error`(text: String) {
        #expect(throws: QuietWindowError.empty(text)) { try QuietWindow.parse(text) }
    }

    @Test(arguments: ["00:00-23:59", "00:00-24:00", " 00:00 - 23:59 "])
    func `all day means always`(text: String) throws {
        let window = try #require(QuietWindow(text))
        #expect(window.isAlways)
        let lastMinute = try instant("2021-05-28 23:59:30")
        #expect(window.isOpen(at: lastMinute, clock: china))
        #expect(window.nextChange(after: lastMinute, clock: china) == nil)
    }

    @Test func `a window opens at its first second and is closed at its last`() throws {
        let window = try #require(QuietWindow("08:00-18:00"))
        #expect(!window.isOpen(at: try instant("2021-05-28 07:59:59"), clock: china))
        #expect(window.isOpen(at: try instant("2021-05-28 08:00:00"), clock: china))
        #expect(window.isOpen(at: try instant("2021-05-28 17:59:59"), clock: china))
        #expect(!window.isOpen(at: try instant("2021-05-28 18:00:00"), clock: china))
        #expect(
            window.nextChange(after: try instant("2021-05-28 08:00:00"), clock: china)
                == (try instant("2021-05-28 18:00:00")))
        #expect(
            window.nextChange(after: try instant("2021-05-28 18:00:00"), clock: china)
                == (try instant("2021-05-29 08:00:00")))
    }

    @Test func `a window over midnight is one span`() throws {
        let window = try #require(QuietWindow("18:00-05:00"))
        #expect(window.isOpen(at: try instant("2021-05-28 04:59:59"), clock: china))
        #expect(!window.isOpen(at: try instant("2021-05-28 05:00:00"), clock: china))
        #expect(window.isOpen(at: try instant("2021-05-29 00:00:00"), clock: china))
        #expect(
            window.nextChange(after: try instant("2021-05-28 20:00:00"), clock: china)
                == (try instant("2021-05-29 05:00:00")))
    }

    @Test(arguments: ["06:00-00:00", "06:00-24:00"])
    func `midnight is the end of the day`(text: String) throws {
        let window = try #require(QuietWindow(text))
        #expect(window.isOpen(at: try instant("2021-05-28 23:59:59"), clock: china))
        #expect(!window.isOpen(at: try instant("2021-05-29 00:00:00"), clock: china))
    }

    @Test(arguments: [
        // The last Sunday of March 2024: 02:00 to 03:00 does not exist.
        ("02:15-02:45", "2024-03-31 03:00:00", 30.0), ("02:30-04:00", "2024-03-31 03:00:00", 60),
        ("01:00-02:30", "2024-03-31 01:00:00", 60), ("01:00-06:00", "2024-03-31 01:00:00", 240),
        ("02:00-03:00", "2024-03-31 03:00:00", 60),
    ])
    func `spring loses no window in Berlin`(text: String, opens: String, minutes: Double) throws {
        let berlin = try ZoneClock("Europe/Berlin")
        let window = try #require(QuietWindow(text))
        let found = try spans(window, from: "2024-03-31 00:00:00", hours: 22, clock: berlin)
        #expect(found.map(\.opens) == [opens])
        #expect(found.map(\.minutes) == [minutes])
    }

    @Test(arguments: [
        // The last Sunday of October 2024: 02:00 to 03:00 comes twice.
        ("02:15-02:45", "2024-10-27 02:15:00", 30.0), ("02:30-04:00", "2024-10-27 02:30:00", 150),
        ("01:00-02:30", "2024-10-27 01:00:00", 90), ("01:00-06:00", "2024-10-27 01:00:00", 360),
    ])
    func `autumn doubles no window in Berlin`(text: String, opens: String, minutes: Double) throws {
        let berlin = try ZoneClock("Europe/Berlin")
        let window = try #require(QuietWindow(text))
        let found = try spans(window, from: "2024-10-27 00:00:00", hours: 24, clock: berlin)
        #expect(found.map(\.opens) == [opens])
        #expect(found.map(\.minutes) == [minutes])
    }

    @Test(arguments: [
        "Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe", "Africa/Cairo",
        "Asia/Kolkata", "Pacific/Chatham", "America/St_Johns", "UTC",
    ])
    func `each window opens once a day all year`(zone: String) throws {
        let clock = try ZoneClock(zone)
        let start = try instant("2024-01-01 12:00:00", clock)
        for text in ["00:15-00:45", "02:00-03:00", "22:00-06:00", "23:30-00:10", "04:00-02:30"] {
            let window = try #require(QuietWindow(text))
            var now = start
            var openings = 0
            var isOpen = window.isOpen(at: now, clock: clock)
            while let change = window.nextChange(after: now, clock: clock), change - start < 366 * 86_400 {
                #expect(change > now)
                now = change
                isOpen.toggle()
                // What is said to change does change, and not a second earlier.
                #expect(window.isOpen(at: now, clock: clock) == isOpen)
                #expect(window.isOpen(at: now + -1, clock: clock) != isOpen)
                if isOpen { openings += 1 }
            }
            #expect(openings == 366, "\(text) in \(zone)")
        }
    }

    @Test func `a day that a place skipped does not stop the clock`() throws {
        // Samoa went from Thursday to Saturday at the end of 2011.
        let apia = try ZoneClock("Pacific/Apia")
        let window = try #require(QuietWindow("08:00-10:00"))
        let thursday = try instant("2011-12-29 09:00:00", apia)
        #expect(window.isOpen(at: thursday, clock: apia))
        var now = thursday
        for _ in 0..<10 { now = try #require(window.nextChange(after: now, clock: apia)) }
        #expect(apia.text(now) > "2012-01-01")
    }

    @Test func `the span of now or the next is given`() throws {
        let window = try #require(QuietWindow("22:34-22:37"))
        let span = try #require(window.currentOrNext(at: try instant("2021-05-28 22:33:57"), clock: china))
        #expect(china.text(span.lowerBound) == "2021-05-28 22:34:00")
        #expect(china.text(span.upperBound) == "2021-05-28 22:37:00")
        #expect(window.currentOrNext(at: span.lowerBound, clock: china) == span)
        #expect(window.currentOrNext(at: span.upperBound, clock: china)?.lowerBound == span.lowerBound + 86_400)
    }
}
