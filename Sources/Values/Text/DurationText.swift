/// Durations as people write them in configurations and requests: a number, or a number with `s`, `m`, `h` or `d`.
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
