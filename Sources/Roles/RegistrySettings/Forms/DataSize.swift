import Text

/// Sizes as Kraken's configuration files write them: `4MB`, `4M` and `4MiB` are all 4 MiB; a bare number is bytes.
package enum DataSize {
    private static let units = ["": 0, "B": 0, "K": 10, "M": 20, "G": 30, "T": 40, "P": 50]

    /// - Returns: bytes; nil for a text that is not a size, or is more than an `Int64` holds.
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

/// A size, or a share of a disk's capacity: `100GB`, `50%`.
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
