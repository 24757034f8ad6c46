/// Parses sizes and rates as people write them: a number of bytes, or a number with `K`, `M`, `G` or `T`, alone or
/// followed by `B` or `iB`. All units are powers of 1024.
package enum ByteText {
    package static func bytes(_ text: String) -> Int64? {
        var rest = Substring(text)
        for suffix in ["iB", "B"] where rest.hasSuffix(suffix) {
            rest = rest.dropLast(suffix.count)
            break
        }
        var shift: Int64 = 0
        if let unit = rest.last, let place = "KMGT".firstIndex(of: Character(unit.uppercased())) {
            shift = Int64("KMGT".distance(from: "KMGT".startIndex, to: place) + 1) * 10
            rest = rest.dropLast()
        }
        let digits = rest.split(separator: " ", omittingEmptySubsequences: true)
        guard digits.count == 1, (1...18).contains(digits[0].utf8.count),
            digits[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(digits[0])
        else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
        return overflow ? nil : bytes
    }
}
