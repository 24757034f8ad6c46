/// The part of a file that a request asks for (RFC 9110, section 14).
package enum ByteRange: Equatable, Sendable {
    /// The whole file: no range, several ranges, or an unknown unit or form.
    case whole
    case part(Range<Int64>)
    /// The range is entirely outside the file.
    case unsatisfiable

    /// - Parameter header: the value of `Range`.
    package init(header: String?, size: Int64) {
        guard let header, let equals = header.firstIndex(of: "="), header[..<equals].lowercased() == "bytes" else {
            self = .whole
            return
        }
        let set = header[header.index(after: equals)...].filter { $0 != " " && $0 != "\t" }
        guard !set.contains(","), let dash = set.firstIndex(of: "-") else {
            self = .whole
            return
        }
        let (first, last) = (set[..<dash], set[set.index(after: dash)...])
        switch (Self.number(first), Self.number(last)) {
        case (let first?, let last?) where first <= last:
            self = first < size ? .part(first..<min(last, size - 1) + 1) : .unsatisfiable
        case (let first?, nil) where last.isEmpty:
            self = first < size ? .part(first..<size) : .unsatisfiable
        case (nil, let count?) where first.isEmpty:
            self = count > 0 && size > 0 ? .part(max(0, size - count)..<size) : .unsatisfiable
        default:
            self = .whole
        }
    }

    /// Digits only; numbers that are too large are clamped to the maximum.
    private static func number(_ digits: Substring) -> Int64? {
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(digits) ?? .max - 1
    }
}
