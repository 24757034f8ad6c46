import Glibc

extension FileLayer {
    /// File systems of tests that make no holes.
    package func punch(_ descriptor: Descriptor, at offset: Int64, length: Int64) throws(SystemError) -> Bool { false }
}

extension SystemFileLayer {
    package func punch(_ descriptor: Descriptor, at offset: Int64, length: Int64) throws(SystemError) -> Bool {
        do throws(SystemError) {
            try SystemCall.retrying { linuxFallocate(descriptor, Linux.punchHole, Int(offset), Int(length)) }
            return true
        } catch {
            guard error.number == EOPNOTSUPP || error.number == ENOSYS || error.number == EINVAL else { throw error }
            return false
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether all of it is zeros. Other content is recognised at its first bytes, as a rule.
    package var isZero: Bool {
        guard let base = baseAddress, !isEmpty else { return true }
        return self[0] == 0 && (count == 1 || memcmp(base, base + 1, count - 1) == 0)
    }
}

extension HeldFile {
    /// Zeros of at least this length stay holes.
    private static let holeBytes = 4096

    /// Writes bytes at the end of a file, which has nothing behind them. Zeros take no space.
    package func append(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) {
        var place = 0
        while place < bytes.count {
            let isHole = Self.block(of: bytes, at: place).isZero
            var end = place
            // Blocks of one kind go together.
            repeat {
                end += Self.block(of: bytes, at: end).count
            } while end < bytes.count && Self.block(of: bytes, at: end).isZero == isHole
            let at = offset + Int64(place)
            if isHole, end - place >= Self.holeBytes {
                // A write that failed half way may have left something there.
                try truncate(to: at)
                try truncate(to: at + Int64(end - place))
            } else {
                try write(UnsafeRawBufferPointer(rebasing: bytes[place..<end]), at: at)
            }
            place = end
        }
    }

    private static func block(of bytes: UnsafeRawBufferPointer, at place: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[place..<min(bytes.count, place + holeBytes)])
    }
}
