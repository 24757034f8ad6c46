import Text

extension SeededGenerator {
    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}

extension SeededGenerator {
    static func some(_ count: Int) -> [UInt8] {
        var random = SeededGenerator(seed: 42)
        return random.bytes(count)
    }
}
