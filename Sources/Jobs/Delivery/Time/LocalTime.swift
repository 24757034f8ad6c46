/// A date and time of day as clocks on the wall show it, in the Gregorian calendar, with no zone of its own.
public struct LocalTime: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Seconds since 1970-01-01 00:00:00 on the same wall.
    public let epochSeconds: Int64

    public init(epochSeconds: Int64) { self.epochSeconds = epochSeconds }

    /// - Parameters:
    ///   - day: days since 1970-01-01.
    ///   - minute: minutes since that day's 00:00; 1440 is the next day's.
    public init(day: Int64, minute: Int) { epochSeconds = day * 86_400 + Int64(minute) * 60 }

    /// Reads `YYYY-MM-DD HH:MM:SS`; nil for anything else and for dates that do not exist.
    public init?(_ text: String) {
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
        let day = Self.day(year: numbers[0], month: numbers[1], day: numbers[2])
        epochSeconds = day * 86_400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5]
        guard description == text else { return nil }
    }

    /// Days since 1970-01-01.
    public var day: Int64 { (epochSeconds - Int64(secondOfDay)) / 86_400 }
    /// 0 to 86,399.
    public var secondOfDay: Int { Int((epochSeconds % 86_400 + 86_400) % 86_400) }
    /// 0 to 1,439.
    public var minuteOfDay: Int { secondOfDay / 60 }

    /// `YYYY-MM-DD HH:MM:SS`.
    public var description: String {
        let (year, month, date) = Self.civil(day)
        let padded = String(repeating: "0", count: max(0, 4 - String(year).count)) + String(year)
        let time = [secondOfDay / 3600, secondOfDay / 60 % 60, secondOfDay % 60].map(twoDigits).joined(separator: ":")
        return "\(padded)-\(twoDigits(Int(month)))-\(twoDigits(Int(date))) \(time)"
    }

    public static func < (left: LocalTime, right: LocalTime) -> Bool { left.epochSeconds < right.epochSeconds }

    // Days and dates after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, so
    // that the leap day is the last, and 400 years are one cycle of 146,097 days. Day 0 of the cycle that holds
    // 1970-01-01 is 0000-03-01, 719,468 days before it.

    private static func day(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func civil(_ day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }
}
