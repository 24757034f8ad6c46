import Text

/// A time in the formats of signatures and responses. Seconds since 1970, UTC, years 1970 to 9999.
package struct S3Timestamp: Sendable, Hashable {
    package let unixTime: Int64
    private let day: CivilDate
    private let secondOfDay: Int64

    /// Clamped to the years 1970 to 9999.
    package init(unixTime: Int64) {
        self.unixTime = min(max(0, unixTime), 253_402_300_799)
        secondOfDay = self.unixTime % 86_400
        day = CivilDate(daysSince1970: self.unixTime / 86_400)
    }

    /// `20130524`
    package var date: String { "\(zeroPadded(day.year, 4))\(zeroPadded(day.month))\(zeroPadded(day.day))" }

    /// `20130524T000000Z`
    package var basic: String {
        "\(date)T\(clock.joined())Z"
    }

    /// `Tue, 27 Mar 2007 19:36:42 +0000`
    package var rfc1123: String {
        "\(day.weekdayName), \(zeroPadded(day.day)) \(day.monthName) \(zeroPadded(day.year, 4)) "
            + "\(clock.joined(separator: ":")) +0000"
    }

    /// Hours, minutes and seconds, two digits each.
    private var clock: [String] {
        [secondOfDay / 3_600, secondOfDay / 60 % 60, secondOfDay % 60].map { zeroPadded($0) }
    }

    /// `2009-10-12T17:50:30.000Z`, as in listings; nil for anything else.
    package init?(iso8601 text: String) {
        let bytes = Array(text.utf8)
        guard (20...32).contains(bytes.count), bytes.last == UInt8(ascii: "Z") else { return nil }
        func number(_ range: Range<Int>) -> Int64? {
            bytes[range].reduce(Int64?.some(0)) { value, byte in
                guard let value, (0x30...0x39).contains(byte) else { return nil }
                return value * 10 + Int64(byte - 0x30)
            }
        }
        guard bytes[4] == 0x2d, bytes[7] == 0x2d, bytes[10] == 0x54, bytes[13] == 0x3a, bytes[16] == 0x3a,
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            year >= 1970, (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        let days = CivilDate(year: year, month: month, day: day).daysSince1970
        self.init(unixTime: days * 86_400 + hour * 3_600 + minute * 60 + second)
    }
}
