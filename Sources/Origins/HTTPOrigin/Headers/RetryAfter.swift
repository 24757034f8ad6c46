/// The `Retry-After` header (RFC 9110, section 10.2.3): seconds, or a date in any of HTTP's three forms.
package enum RetryAfter {
    /// Seconds from `now` (Unix time) on, 0 or more; nil for what is neither.
    package static func seconds(_ header: String, now: Double) -> Double? {
        guard header.utf8.count <= 64 else { return nil }
        let trimmed = header.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
        if !trimmed.isEmpty, trimmed.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            return Double(trimmed).map { min($0, 1e9) }
        }
        return unixTime(trimmed).map { max(0, Double($0) - now) }
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` or `Sun Nov 6 08:49:37 1994`.
    package static func unixTime(_ date: String) -> Int64? {
        var words = date.split { $0 == " " || $0 == "-" || $0 == "," }
        if words.last == "GMT" { words.removeLast() }
        guard words.count == 5 else { return nil }
        let isAsctime = Int64(words[1]) == nil
        let (dayWord, monthWord, yearWord, timeWord) =
            isAsctime ? (words[2], words[1], words[4], words[3]) : (words[1], words[2], words[3], words[4])
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let clock = timeWord.split(separator: ":", omittingEmptySubsequences: false).map { number($0, upTo: 60) }
        guard let month = months.firstIndex(of: String(monthWord)), let day = number(dayWord, upTo: 31), day > 0,
            var year = number(yearWord, upTo: 9_999), clock.count == 3,
            let hour = clock[0], hour < 24, let minute = clock[1], minute < 60, let second = clock[2]
        else { return nil }
        if yearWord.count == 2 { year += year < 70 ? 2_000 : 1_900 }
        return days(year: year, month: Int64(month) + 1, day: day) * 86_400 + hour * 3_600 + minute * 60 + second
    }

    private static func number(_ text: Substring, upTo limit: Int64) -> Int64? {
        guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int64(text), number <= limit
        else { return nil }
        return number
    }

    /// Days from 1970-01-01 to a date of the Gregorian calendar. Years are counted from March, so that the leap day is
    /// the last of its year.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let marchYear = month > 2 ? year : year - 1
        let monthFromMarch = (month + 9) % 12
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        return marchYear * 365 + marchYear / 4 - marchYear / 100 + marchYear / 400 + dayOfYear - 719_468
    }
}
