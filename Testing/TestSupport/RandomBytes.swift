import Text

extension SeededGenerator {
    /// Bytes that are the same for the same seed.
    package mutating func bytes(_ count: Int) -> [UInt8] {
        // The standard library writes to the one empty array that all share: ThreadSanitizer calls that a race.
        if count == 0 { return [] }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            var value: UInt64 = 0
            for index in 0..<count {
                if index % 8 == 0 { value = next() }
                buffer[index] = UInt8(truncatingIfNeeded: value)
                value >>= 8
            }
            initialized = count
        }
    }

    /// The same without zeros, so that no part of a content looks like a hole of a sparse file.
    package mutating func bytesWithoutZeros(_ count: Int) -> [UInt8] { bytes(count).map { $0 | 1 } }
}

/// Bytes that are the same for the same seed.
package func randomBytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var random = SeededGenerator(seed: seed)
    return random.bytes(count)
}
