import Hashing

/// What the catalogue has of one blob: 104 bytes, without a gap, in memory as in the catalogue's file.
struct BlobRow: BitwiseCopyable, Sendable {
    var digest: SHA256Digest
    /// Of the blob's swarm; all zeros for a blob without bytes, which has none.
    var infoHash: SHA1Digest
    /// When all of its bytes were last found right, in seconds since 1970; 0 for at once.
    var checkedAt: UInt32
    /// The SHA-256 of the info dictionary; all zeros likewise.
    var infoDigest: SHA256Digest
    /// Bytes.
    var size: Int64
    /// When it was last pushed, read or given, in seconds since 1970.
    var usedAt: Double

    init(
        digest: SHA256Digest, infoHash: SHA1Digest?, infoDigest: SHA256Digest?, size: Int64, usedAt: Double,
        checkedAt: Double
    ) {
        self.digest = digest
        self.infoHash = infoHash ?? .zero
        self.infoDigest = infoDigest ?? .zero
        self.size = size
        self.usedAt = usedAt
        self.checkedAt = Self.seconds(checkedAt)
    }

    static func seconds(_ time: Double) -> UInt32 { UInt32(exactly: time.rounded(.down)) ?? (time > 0 ? .max : 0) }

    /// A blob with bytes has a swarm.
    var hasSwarm: Bool { size > 0 }
}

/// Rows as the catalogue's file has them: each with a check sum, so that one that was half written counts for nothing.
enum RowRecord {
    /// What the file begins with. Another version begins otherwise, and is not read.
    static let header = Array("swoop blobs 1\n\n\n".utf8)
    static let rowBytes = 104
    static let byteCount = rowBytes + 8

    static func append(_ row: BlobRow, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: row) { raw in
            let raw = UnsafeRawBufferPointer(rebasing: raw[..<rowBytes])
            bytes.append(contentsOf: raw)
            withUnsafeBytes(of: checkSum(raw)) { bytes.append(contentsOf: $0) }
        }
    }

    /// Nil for a record that is damaged.
    static func row(_ record: UnsafeRawBufferPointer) -> BlobRow? {
        guard record.count == byteCount,
            record.loadUnaligned(fromByteOffset: rowBytes, as: UInt64.self)
                == checkSum(UnsafeRawBufferPointer(rebasing: record[..<rowBytes]))
        else { return nil }
        let row = record.loadUnaligned(as: BlobRow.self)
        return row.size >= 0 && row.usedAt.isFinite ? row : nil
    }

    /// Finds damage by accident. The directory is ours: nobody else writes there.
    private static func checkSum(_ row: UnsafeRawBufferPointer) -> UInt64 {
        var sum: UInt64 = 0x9e37_79b9_7f4a_7c15
        for offset in stride(from: 0, to: rowBytes, by: 8) {
            sum = (sum ^ row.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0xd6e8_feb8_6659_fd93
            sum ^= sum >> 32
        }
        return sum
    }
}
