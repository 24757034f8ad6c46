/// A number of bytes: `4194304`, `4MiB`, `1.5GB`.
///
/// Units are powers of 1024 (`KiB MiB GiB TiB`) or of 1000 (`KB MB GB TB`, also `kB`). A lower-case `b` is refused: it
/// stands for bits, and reading it as bytes would be wrong by a factor of eight.
struct ByteSize: Hashable, Sendable, Comparable {
    /// 0 or more.
    let bytes: Int

    init(bytes: Int) { self.bytes = max(0, bytes) }

    static func < (left: ByteSize, right: ByteSize) -> Bool { left.bytes < right.bytes }

    static let units: [(name: String, bytes: Int)] = [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
        ("KB", 1000), ("kB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("B", 1),
    ]

    /// Parses `NUMBER[.FRACTION][UNIT]` without blanks or sign. A fraction needs a unit and is rounded down to a byte.
    static func parse(_ text: String) throws -> ByteSize {
        let (number, unitName) = text.splitBeforeUnit()
        guard !number.isEmpty else {
            throw ArgumentProblem("a size starts with a number, as in 4MiB, 500MB or 1048576")
        }
        let unit = try unitBytes(unitName)
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let whole = parts.first, !whole.isEmpty, parts.count == 1 || !parts[1].isEmpty else {
            throw ArgumentProblem("'\(number)' is not a number")
        }
        guard let count = Int(whole) else { throw tooLarge }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        guard !overflow else { throw tooLarge }
        let fraction = try parts.count == 2 ? fractionBytes(parts[1], of: unit) : 0
        let (sum, sumOverflow) = product.addingReportingOverflow(fraction)
        guard !sumOverflow else { throw tooLarge }
        return ByteSize(bytes: sum)
    }

    private static let tooLarge = ArgumentProblem("too large: the most is 8388607TiB")

    private static func unitBytes(_ name: Substring) throws -> Int {
        if name.isEmpty { return 1 }
        if let unit = units.first(where: { $0.name == name }) { return unit.bytes }
        if name.last == "b" {
            throw ArgumentProblem("'\(name)' would be bits; write bytes with a capital B, as in 10MB")
        }
        throw ArgumentProblem("unknown unit '\(name)': use KiB, MiB, GiB, TiB, KB, MB, GB, TB, or none for bytes")
    }

    /// Keeps six digits: enough for every unit here, and no product of them overflows.
    private static func fractionBytes(_ digits: Substring, of unit: Int) throws -> Int {
        guard unit > 1 else { throw ArgumentProblem("a part of a byte makes no sense; add a unit") }
        guard digits.count <= 6, let value = Int(digits) else {
            throw ArgumentProblem("at most six digits after the point")
        }
        var scale = 1
        for _ in digits { scale *= 10 }
        return unit / scale * value + unit % scale * value / scale
    }
}

extension String {
    /// The leading digits and points, and the rest. ASCII only: digits of other scripts are not accepted.
    func splitBeforeUnit() -> (number: Substring, unit: Substring) {
        let end = firstIndex { !($0 == "." || ("0"..."9").contains($0)) } ?? endIndex
        return (self[..<end], self[end...])
    }
}
