/// A duration: `30s`, `5m`, `72h`, `2d`, or combinations with larger units first, such as `1h30m`.
struct TimeSpan: Hashable, Sendable {
    /// 0 to ``longest``, inclusive.
    let seconds: Int

    var duration: Duration { .seconds(seconds) }

    /// Ten years. Keeps the sum of a time and a duration far from overflow.
    static let longest = 3650 * 86_400

    private static let units: [(name: Character, seconds: Int)] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]

    /// `0` needs no unit. Any other number does, because seconds and minutes are equally plausible.
    static func parse(_ text: String) throws -> TimeSpan {
        if text == "0" { return TimeSpan(seconds: 0) }
        guard !text.isEmpty else { throw ArgumentProblem("a duration is a number with a unit, as in 30s, 5m or 72h") }
        var rest = Substring(text)
        var allowed = units[...]
        var total = 0
        while !rest.isEmpty {
            let digits = rest.prefix { ("0"..."9").contains($0) }
            rest = rest.dropFirst(digits.count)
            guard !digits.isEmpty else {
                throw ArgumentProblem("'\(text)' is not a duration such as 30s, 5m, 72h or 1h30m")
            }
            guard let name = rest.popFirst() else {
                throw ArgumentProblem("a unit is missing: write \(digits)s, \(digits)m, \(digits)h or \(digits)d")
            }
            guard let position = allowed.firstIndex(where: { $0.name == name }) else {
                throw units.contains { $0.name == name }
                    ? ArgumentProblem("each unit once, the larger first, as in 1h30m")
                    : ArgumentProblem("unknown unit '\(name)': use s, m, h or d")
            }
            let (part, overflow) = (Int(digits) ?? .max).multipliedReportingOverflow(by: units[position].seconds)
            guard !overflow, part <= longest - total else { throw ArgumentProblem("too long: at most 3650d") }
            total += part
            allowed = units[(position + 1)...]
        }
        return TimeSpan(seconds: total)
    }
}
