import Text

/// Sizes as Kraken's files have them: `4MB` and `4M` are 4 MiB, as is `4MiB`; a number alone is bytes.
package enum DataSize {
    private static let units = ["": 0, "B": 0, "K": 10, "M": 20, "G": 30, "T": 40, "P": 50]

    /// - Returns: bytes; nil for what is no size, or more than an `Int64` holds.
    package static func bytes(_ text: String) -> Int64? {
        let text = text.trimmingBlanks
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        var unit = String(text.dropFirst(digits.count)).trimmingBlanks.uppercased()
        if unit.count == 3, unit.hasSuffix("IB") { unit.removeLast(2) }
        if unit.count == 2, unit.hasSuffix("B") { unit.removeLast() }
        guard let number = Int64(digits), let shift = units[unit] else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: Int64(1) << shift)
        return overflow ? nil : bytes
    }
}

/// A size, or a share of a disk: `100GB`, `50%`.
package enum SizeOrShare: Sendable, Hashable {
    case bytes(Int64)
    case share(Double)

    package init?(_ text: String) {
        let text = text.trimmingBlanks
        guard text.hasSuffix("%") else {
            guard let bytes = DataSize.bytes(text) else { return nil }
            self = .bytes(bytes)
            return
        }
        guard let percent = Int(text.dropLast()), (0...100).contains(percent) else { return nil }
        self = .share(Double(percent) / 100)
    }
}
