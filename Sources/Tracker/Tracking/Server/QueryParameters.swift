#if canImport(Glibc)
import Glibc
#endif

/// Iterates over the `name=value` pairs of a query string, without decoding them.
struct QueryParameters {
    private var rest: UnsafeRawBufferPointer

    init(_ query: UnsafeRawBufferPointer) {
        rest = query
    }

    struct Pair {
        let name: UnsafeRawBufferPointer
        let value: UnsafeRawBufferPointer

        /// Whether the name is `text`, byte for byte. An escaped spelling counts as another name.
        @inline(__always)
        func isNamed(_ text: StaticString) -> Bool {
            guard name.count == text.utf8CodeUnitCount, let start = name.baseAddress else { return false }
            return memcmp(start, text.utf8Start, name.count) == 0
        }

        /// Whether the value is `text`.
        func isValue(_ text: StaticString) -> Bool {
            guard value.count == text.utf8CodeUnitCount else { return false }
            guard let start = value.baseAddress else { return value.isEmpty }
            return memcmp(start, text.utf8Start, value.count) == 0
        }

        /// Whether the value is a number or empty.
        @inline(__always)
        var isCount: Bool { value.isEmpty || number != nil }

        /// The value as an unsigned decimal number; nil for anything else and over 64 bits.
        var number: UInt64? {
            guard (1...20).contains(value.count) else { return nil }
            var result: UInt64 = 0
            for byte in value {
                guard (0x30...0x39).contains(byte) else { return nil }
                let (product, overflow) = result.multipliedReportingOverflow(by: 10)
                let (sum, carry) = product.addingReportingOverflow(UInt64(byte - 0x30))
                guard !overflow, !carry else { return nil }
                result = sum
            }
            return result
        }
    }

    /// The next pair; empty ones are skipped. A name without `=` has an empty value.
    mutating func next() -> Pair? {
        while let start = rest.baseAddress, !rest.isEmpty {
            let length = memchr(start, 0x26, rest.count).map { UnsafeRawPointer($0) - start } ?? rest.count
            let part = UnsafeRawBufferPointer(start: start, count: length)
            rest = UnsafeRawBufferPointer(rebasing: rest[min(length + 1, rest.count)...])
            guard length > 0 else { continue }
            let split = memchr(start, 0x3d, length).map { UnsafeRawPointer($0) - start } ?? length
            return Pair(
                name: UnsafeRawBufferPointer(rebasing: part[..<split]),
                value: UnsafeRawBufferPointer(rebasing: part[min(split + 1, length)...]))
        }
        return nil
    }
}
