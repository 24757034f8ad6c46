import Testing
import Text

@Suite struct `Civil dates` {
    @Test(arguments: [
        (-719_468, 0, 3, 1), (-1, 1969, 12, 31), (0, 1970, 1, 1), (59, 1970, 3, 1), (11_016, 2000, 2, 29),
        (47_541, 2100, 3, 1), (2_932_896, 9999, 12, 31),
    ]) func `are days since 1970 and back`(days: Int64, year: Int64, month: Int64, day: Int64) {
        let date = CivilDate(year: year, month: month, day: day)
        #expect(date.daysSince1970 == days)
        #expect(CivilDate(daysSince1970: days) == date)
    }

    @Test func `follow each other without a gap`() {
        var last = CivilDate(daysSince1970: -200_000)
        for days in Int64(-199_999)...200_000 {
            let date = CivilDate(daysSince1970: days)
            let isNext =
                date.day == last.day + 1 && date.month == last.month
                || date.day == 1 && last.day >= 28 && (date.month == last.month + 1 || date.month == 1)
            guard isNext, date.daysSince1970 == days else {
                Issue.record("\(last) \(date)")
                return
            }
            last = date
        }
    }
}

@Suite struct `Dates of HTTP` {
    @Test(arguments: [
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (-1, "Wed, 31 Dec 1969 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (Int64.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ]) func `are written in the one form that RFC 9110 allows`(seconds: Int64, text: String) {
        #expect(HTTPDate.text(seconds: seconds) == text)
    }

    @Test func `are read as the calendar counts`() {
        #expect(HTTPDate.unixTime("Thu, 01 Jan 1970 00:00:00 GMT") == 0)
        #expect(HTTPDate.unixTime("Tue, 29 Feb 2000 12:00:00 GMT") == 951_825_600)
        #expect(HTTPDate.unixTime("Mon, 01 Mar 2100 00:00:00 GMT") == 4_107_542_400)
    }
}
