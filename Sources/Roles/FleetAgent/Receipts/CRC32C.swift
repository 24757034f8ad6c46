/// CRC-32C (Castagnoli polynomial; RFC 3720), with a table for each of eight bytes at a time.
package struct CRC32C: Sendable {
    private var state: UInt32 = ~0

    package init() {}

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var crc = state
        var offset = 0
        Self.tables.withUnsafeBufferPointer { tables in
            while offset + 8 <= bytes.count {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                let low = UInt32(truncatingIfNeeded: word) ^ crc
                let high = UInt32(truncatingIfNeeded: word >> 32)
                crc =
                    tables[7 << 8 + Int(low & 0xff)] ^ tables[6 << 8 + Int(low >> 8 & 0xff)]
                    ^ tables[5 << 8 + Int(low >> 16 & 0xff)] ^ tables[4 << 8 + Int(low >> 24)]
                    ^ tables[3 << 8 + Int(high & 0xff)] ^ tables[2 << 8 + Int(high >> 8 & 0xff)]
                    ^ tables[1 << 8 + Int(high >> 16 & 0xff)] ^ tables[Int(high >> 24)]
                offset += 8
            }
            while offset < bytes.count {
                crc = crc >> 8 ^ tables[Int((crc ^ UInt32(bytes[offset])) & 0xff)]
                offset += 1
            }
        }
        state = crc
    }

    package var value: UInt32 { ~state }

    /// Eight tables of 256 entries. Table `n` has the effect of a byte that is followed by `n` other bytes.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82f6_3b78 : crc >> 1 }
            tables[byte] = crc
        }
        for depth in 1..<8 {
            for byte in 0..<256 {
                let before = tables[(depth - 1) << 8 + byte]
                tables[depth << 8 + byte] = before >> 8 ^ tables[Int(before & 0xff)]
            }
        }
        return tables
    }()
}
