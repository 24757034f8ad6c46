import Testing

@testable import swoop

@Suite struct `A time of day that a job is to begin at` {
    @Test(arguments: ["6h", "2026-12-01T06:00:00Z", "", "24:00", "12:60", "a:b", "1:2:3", "-1:00", "٣:٠٠"])
    func `leaves other texts to control`(text: String) {
        #expect(MomentText.resolved(text, now: 1_796_000_000) == text)
    }

    @Test func `is the next such moment of this host's clock`() {
        for minute in stride(from: 0, to: 1_440, by: 97) {
            let text = "\(minute / 60):\(minute % 60 < 10 ? "0" : "")\(minute % 60)"
            let moment = MomentText.resolved(text, now: 1_796_000_000)
            #expect(moment.wholeMatch(of: /2026-(11-30|12-01)T\d\d:\d\d:00Z/) != nil, "\(text): \(moment)")
        }
    }
}
