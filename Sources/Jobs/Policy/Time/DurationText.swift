import JSON
import Text

/// Durations in the configuration and in task files: a number, or a number with `s`, `m`, `h` or `d`.
package enum DurationText {
    /// Longest accepted duration: ten years.
    package static let maxSeconds = 10 * 366 * 86_400

    /// - Parameters:
    ///   - unit: the unit in seconds of a number without suffix.
    /// - Returns: seconds; nil if the text is invalid, negative, or longer than `maxSeconds`.
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

/// How long a task is seeded after completion. A number means hours; a suffix overrides the unit.
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

    /// A number if it means hours, as in BFT's sample, else text.
    package var json: JSONValue { Int64(description).map { .integer($0) } ?? .string(description) }
}
