/// HTTP dates (RFC 9110, section 5.6.7), without a formatter.
package enum HTTPDate {
    /// Text such as `Sun, 06 Nov 1994 08:49:37 GMT`. Clamped to the years 1 to 9999.
    /// - Parameter seconds: since 1970.
    package static func text(seconds: Int64) -> String {
        let seconds = min(max(seconds, -62_135_596_800), 253_402_300_799)
        let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let rest = seconds - days * 86_400
        let date = CivilDate(daysSince1970: days)
        let clock = [rest / 3600, rest / 60 % 60, rest % 60].map { zeroPadded($0) }.joined(separator: ":")
        return "\(date.weekdayName), \(zeroPadded(date.day)) \(date.monthName) \(zeroPadded(date.year, 4)) \(clock) GMT"
    }

    /// Seconds since 1970 from `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` or `Sun Nov 6 08:49:37
    /// 1994`; nil for anything else.
    package static func unixTime(_ date: String) -> Int64? {
        var words = date.split { $0 == " " || $0 == "-" || $0 == "," }
        if words.last == "GMT" { words.removeLast() }
        guard words.count == 5 else { return nil }
        let isAsctime = Int64(words[1]) == nil
        let (dayWord, monthWord, yearWord, timeWord) =
            isAsctime ? (words[2], words[1], words[4], words[3]) : (words[1], words[2], words[3], words[4])
        let clock = timeWord.split(separator: ":", omittingEmptySubsequences: false).map { number($0, upTo: 60) }
        guard let month = CivilDate.monthNames.firstIndex(of: String(monthWord)), let day = number(dayWord, upTo: 31),
            day > 0, var year = number(yearWord, upTo: 9_999), clock.count == 3,
            let hour = clock[0], hour < 24, let minute = clock[1], minute < 60, let second = clock[2]
        else { return nil }
        if yearWord.count == 2 { year += year < 70 ? 2_000 : 1_900 }
        let days = CivilDate(year: year, month: Int64(month) + 1, day: day).daysSince1970
        return days * 86_400 + hour * 3_600 + minute * 60 + second
    }

    private static func number(_ text: Substring, upTo limit: Int64) -> Int64? {
        guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int64(text), number <= limit
        else { return nil }
        return number
    }
}
