import JSON
import Text

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
