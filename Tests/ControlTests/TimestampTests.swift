import Testing

@testable import Control

@Suite struct `Times of the API` {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (1_800_000_000, "2027-01-15T08:00:00Z"),
            (1_800_000_000.5, "2027-01-15T08:00:00.500Z"),
            (951_782_399.007, "2000-02-28T23:59:59.007Z"), (-0.25, "1969-12-31T23:59:59.750Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"), (.infinity, "9999-12-31T23:59:59Z"),
            (-.infinity, "0001-01-01T00:00:00Z"),
        ] as [(Double, String)])
    func `are of RFC 3339, with milliseconds where there are some`(seconds: Double, text: String) {
        #expect(Timestamp.text(seconds) == text)
    }

    @Test func `are read as they are written`() throws {
        for seconds in stride(from: -2e9, to: 5e9, by: 12_345_678.125) {
            let read = try #require(Timestamp.parse(Timestamp.text(seconds)))
            #expect(abs(read - seconds) < 0.001)
        }
    }
}
