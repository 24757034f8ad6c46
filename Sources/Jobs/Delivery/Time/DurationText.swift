import JSON
import Text

/// Spans of time as the configuration and task files write them: a number, or a number and one of `s`, `m`, `h`, `d`.
package enum DurationText {
    /// Longest span that is accepted: ten years.
    package static let maxSeconds = 10 * 366 * 86_400

    /// - Parameters:
    ///   - unit: seconds that a number without a suffix counts.
    /// - Returns: seconds; nil if it is no such text, negative, or longer than `maxSeconds`.
    package static func seconds(_ text: String, unit: Int) -> Int? {
        var digits = Substring(text.trimmingBlanks)
        var factor = unit
        if let last = digits.last, let known = ["s": 1, "m": 60, "h": 3600, "d": 86_400][last.lowercased()] {
            factor = known
            digits.removeLast()
        }
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(digits) else {
            return nil
        }
        let (seconds, overflow) = count.multipliedReportingOverflow(by: factor)
        return overflow || seconds > maxSeconds ? nil : seconds
    }
}

/// How long a task is served after it is there. A number counts hours; a suffix overrides it.
package struct SeedTime: Sendable, Hashable, CustomStringConvertible {
    package let seconds: Int
    /// As written: `72`, `90s`.
    package let description: String

    package init?(_ text: String) {
        guard let seconds = DurationText.seconds(text, unit: 3600) else { return nil }
        self.seconds = seconds
        description = text.trimmingBlanks
    }

    package init(hours: Int) {
        seconds = min(max(hours, 0), DurationText.maxSeconds / 3600) * 3600
        description = String(seconds / 3600)
    }

    /// A number where it counts hours, as the seed's sample has it, else the text.
    var json: JSONValue { Int64(description).map { .integer($0) } ?? .string(description) }
}
