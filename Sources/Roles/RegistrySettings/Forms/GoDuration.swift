/// Durations as Kraken's configuration files write them (Go's `time.ParseDuration`): `1m30s`, `250ms`, `1.5h`; also `d` for
/// days.
package enum GoDuration {
    /// Ten years, in seconds.
    static let longest = 10.0 * 366 * 86_400

    private static let units: [(String, Double)] = [
        ("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400),
    ]

    /// - Returns: seconds; nil for a text that is not a duration, is negative, or is longer than ten years.
    package static func seconds(_ text: String) -> Double? {
        if text == "0" { return 0 }
        var rest = Substring(text)
        guard !rest.isEmpty, rest.utf8.count <= 64 else { return nil }
        var sum = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            let unit = rest.dropFirst(digits.count).prefix { !($0.isASCII && ($0.isNumber || $0 == ".")) }
            guard digits.filter({ $0 == "." }).count <= 1,
                let number = Double(digits.hasPrefix(".") ? "0" + digits : digits),
                let factor = units.first(where: { $0.0 == unit })?.1
            else { return nil }
            sum += number * factor
            rest = rest.dropFirst(digits.count + unit.count)
        }
        return sum <= longest ? sum : nil
    }
}
