/// A moment as signatures and answers write it. Seconds since 1970, UTC, years 1970 to 9999.
public struct S3Timestamp: Sendable, Hashable {
    public let unixTime: Int64
    let year: Int
    let month: Int
    let day: Int
    private let secondOfDay: Int64

    /// Clamped to the years 1970 to 9999.
    public init(unixTime: Int64) {
        self.unixTime = min(max(0, unixTime), 253_402_300_799)
        secondOfDay = self.unixTime % 86_400
        // Days to a date of the Gregorian calendar, in eras of 400 years that begin in March.
        let days = self.unixTime / 86_400 + 719_468
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
        month = Int(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
        year = Int(yearOfEra + days / 146_097 * 400) + (month <= 2 ? 1 : 0)
    }

    /// `20130524`
    var date: String { "\(padded(year, 4))\(padded(month))\(padded(day))" }

    /// `20130524T000000Z`
    var basic: String {
        "\(date)T\(clock.joined())Z"
    }

    /// `Tue, 27 Mar 2007 19:36:42 +0000`
    var rfc1123: String {
        let weekday = S3Timestamp.weekdays[Int((unixTime / 86_400 + 4) % 7)]
        return "\(weekday), \(padded(day)) \(S3Timestamp.months[month - 1]) \(padded(year, 4)) "
            + "\(clock.joined(separator: ":")) +0000"
    }

    /// Hours, minutes and seconds, two digits each.
    private var clock: [String] {
        [secondOfDay / 3_600, secondOfDay / 60 % 60, secondOfDay % 60].map { padded(Int($0)) }
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private func padded(_ number: Int, _ width: Int = 2) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// `2009-10-12T17:50:30.000Z`, as listings write it; nil for anything else.
    init?(iso8601 text: String) {
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
        let marchYear = month > 2 ? year : year - 1
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        let days = marchYear * 365 + marchYear / 4 - marchYear / 100 + marchYear / 400 + dayOfYear - 719_468
        self.init(unixTime: days * 86_400 + hour * 3_600 + minute * 60 + second)
    }
}
