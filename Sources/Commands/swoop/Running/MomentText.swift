import Glibc

/// Times that people write, of which control knows only some.
enum MomentText {
    /// A time of day such as `22:00` becomes the next such moment of this host's clock, in UTC; other texts stay as they are.
    static func resolved(_ text: String, now: time_t = time(nil)) -> String {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ (1...2).contains($0.count) && $0.allSatisfy(\.isNumber) }),
            let hour = Int32(parts[0]), let minute = Int32(parts[1]), hour < 24, minute < 60
        else { return text }
        var today = tm()
        var now = now
        guard localtime_r(&now, &today) != nil else { return text }
        for day in 0...1 {
            var wanted = tm()
            (wanted.tm_year, wanted.tm_mon, wanted.tm_mday) = (today.tm_year, today.tm_mon, today.tm_mday + Int32(day))
            (wanted.tm_hour, wanted.tm_min, wanted.tm_isdst) = (hour, minute, -1)
            var moment = mktime(&wanted)
            var inUTC = tm()
            guard moment > now, gmtime_r(&moment, &inUTC) != nil else { continue }
            var buffer = [CChar](repeating: 0, count: 32)
            guard strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%SZ", &inUTC) > 0 else { return text }
            return String(cString: buffer)
        }
        return text
    }
}
