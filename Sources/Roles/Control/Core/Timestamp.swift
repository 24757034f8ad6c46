import Text

/// Times in the API: RFC 3339, in UTC.
enum Timestamp {
    /// - Parameter seconds: seconds since 1970.
    static func text(_ seconds: Double) -> String {
        let millis = Int64(min(max(seconds, -62_135_596_800), 253_402_300_799) * 1000)
        let (whole, part) = (millis >= 0 ? millis / 1000 : (millis - 999) / 1000, (millis % 1000 + 1000) % 1000)
        let days = whole >= 0 ? whole / 86_400 : (whole - 86_399) / 86_400
        let rest = whole - days * 86_400
        let date = CivilDate(daysSince1970: days)
        // A list of nodes has hundreds of these: digits are written in place.
        return String(unsafeUninitializedCapacity: 24) { bytes in
            var count = 0
            func put(_ number: Int64, _ digits: Int, before mark: Character) {
                var rest = number
                for place in stride(from: count + digits - 1, through: count, by: -1) {
                    bytes[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                    rest /= 10
                }
                bytes[count + digits] = mark.asciiValue ?? 0
                count += digits + 1
            }
            put(Int64(date.year), 4, before: "-")
            put(Int64(date.month), 2, before: "-")
            put(Int64(date.day), 2, before: "T")
            put(rest / 3600, 2, before: ":")
            put(rest / 60 % 60, 2, before: ":")
            put(rest % 60, 2, before: part == 0 ? "Z" : ".")
            if part != 0 { put(part, 3, before: "Z") }
            return count
        }
    }

    /// - Returns: seconds since 1970; nil for anything but `YYYY-MM-DDTHH:MM[:SS[.FFF]](Z|±HH:MM)`.
    static func parse(_ text: String) -> Double? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 17, bytes.count <= 35 else { return nil }
        func number(_ range: Range<Int>) -> Int64? {
            guard range.upperBound <= bytes.count, bytes[range].allSatisfy({ (0x30...0x39).contains($0) }) else {
                return nil
            }
            return Int64(String(decoding: bytes[range], as: UTF8.self))
        }
        guard let year = number(0..<4), bytes[4] == 0x2d, let month = number(5..<7), bytes[7] == 0x2d,
            let day = number(8..<10), bytes[10] | 0x20 == 0x74, let hour = number(11..<13), bytes[13] == 0x3a,
            let minute = number(14..<16), (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60
        else { return nil }
        let date = CivilDate(year: year, month: month, day: day)
        guard CivilDate(daysSince1970: date.daysSince1970) == date else { return nil }
        var place = 16
        var seconds = Double(date.daysSince1970 * 86_400 + hour * 3600 + minute * 60)
        if bytes[place] == 0x3a {
            guard let second = number(17..<19), second <= 60 else { return nil }
            seconds += Double(second)
            place = 19
            if place < bytes.count, bytes[place] == 0x2e {
                let digits = bytes[(place + 1)...].prefix { (0x30...0x39).contains($0) }
                guard (1...9).contains(digits.count),
                    let part = Double("0." + String(decoding: digits, as: UTF8.self))
                else { return nil }
                seconds += part
                place += 1 + digits.count
            }
        }
        guard place < bytes.count else { return nil }
        if bytes[place] | 0x20 == 0x7a { return place == bytes.count - 1 ? seconds : nil }
        guard bytes[place] == 0x2b || bytes[place] == 0x2d, bytes.count == place + 6, bytes[place + 3] == 0x3a,
            let hours = number(place + 1..<place + 3), let minutes = number(place + 4..<place + 6), hours < 24,
            minutes < 60
        else { return nil }
        let offset = Double(hours * 3600 + minutes * 60)
        return bytes[place] == 0x2b ? seconds - offset : seconds + offset
    }
}
