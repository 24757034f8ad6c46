import Text

/// A local date and time in the Gregorian calendar, without a time zone.
package struct LocalTime: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Seconds since 1970-01-01 00:00:00 local time.
    package let epochSeconds: Int64

    package init(epochSeconds: Int64) { self.epochSeconds = epochSeconds }

    /// - Parameters:
    ///   - day: days since 1970-01-01.
    ///   - minute: minutes since that day's 00:00; 1440 means the next day's 00:00.
    package init(day: Int64, minute: Int) { epochSeconds = day * 86_400 + Int64(minute) * 60 }

    /// Parses `YYYY-MM-DD HH:MM:SS`; nil for anything else and for invalid dates.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 19, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), bytes[10] == 0x20,
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":")
        else { return nil }
        let ranges = [0..<4, 5..<7, 8..<10, 11..<13, 14..<16, 17..<19]
        let numbers = ranges.compactMap { range -> Int64? in
            guard bytes[range].allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            return bytes[range].reduce(0) { $0 * 10 + Int64($1 - 0x30) }
        }
        guard numbers.count == 6, (1...12).contains(numbers[1]), (1...31).contains(numbers[2]), numbers[3] < 24,
            numbers[4] < 60, numbers[5] < 60
        else { return nil }
        let day = CivilDate(year: numbers[0], month: numbers[1], day: numbers[2]).daysSince1970
        epochSeconds = day * 86_400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5]
        guard description == text else { return nil }
    }

    /// Days since 1970-01-01.
    package var day: Int64 { (epochSeconds - Int64(secondOfDay)) / 86_400 }
    /// 0 to 86,399.
    package var secondOfDay: Int { Int((epochSeconds % 86_400 + 86_400) % 86_400) }
    /// 0 to 1,439.
    package var minuteOfDay: Int { secondOfDay / 60 }

    /// `YYYY-MM-DD HH:MM:SS`.
    package var description: String {
        let date = CivilDate(daysSince1970: day)
        let time = [secondOfDay / 3600, secondOfDay / 60 % 60, secondOfDay % 60].map { zeroPadded(Int64($0)) }
        return "\(zeroPadded(date.year, 4))-\(zeroPadded(date.month))-\(zeroPadded(date.day)) "
            + time.joined(separator: ":")
    }

    package static func < (left: LocalTime, right: LocalTime) -> Bool { left.epochSeconds < right.epochSeconds }
}
