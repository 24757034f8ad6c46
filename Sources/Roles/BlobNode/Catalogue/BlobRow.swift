import Hashing

/// The catalogue's row of one blob: 104 bytes without padding, the same in memory and in the catalogue's file.
struct BlobRow: BitwiseCopyable, Sendable {
    var digest: SHA256Digest
    /// The info hash of the blob's swarm; all zeros for a blob without bytes, which has no swarm.
    var infoHash: SHA1Digest
    /// When all of the blob's bytes were last verified, in seconds since 1970; 0 if they are to be verified soon.
    var checkedAt: UInt32
    /// The SHA-256 of the info dictionary; all zeros for a blob without bytes.
    var infoDigest: SHA256Digest
    /// The blob's size in bytes. The table of rows sets it to -1 in a free row.
    var size: Int64
    /// When the blob was last pushed, read or uploaded to a peer, in seconds since 1970.
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

/// The records of the catalogue's file: each is a row and a check sum, so that a half-written record is ignored.
enum RowRecord {
    /// The first bytes of the file. A file of another version begins with other bytes, and is not read.
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

    /// The row of a record; nil for a damaged record.
    static func row(_ record: UnsafeRawBufferPointer) -> BlobRow? {
        guard record.count == byteCount,
            record.loadUnaligned(fromByteOffset: rowBytes, as: UInt64.self)
                == checkSum(UnsafeRawBufferPointer(rebasing: record[..<rowBytes]))
        else { return nil }
        let row = record.loadUnaligned(as: BlobRow.self)
        return row.size >= 0 && row.usedAt.isFinite ? row : nil
    }

    /// The check sum detects accidental damage only. It need not resist an attacker, since no other program writes to the
    /// directory.
    private static func checkSum(_ row: UnsafeRawBufferPointer) -> UInt64 {
        var sum: UInt64 = 0x9e37_79b9_7f4a_7c15
        for offset in stride(from: 0, to: rowBytes, by: 8) {
            sum = (sum ^ row.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0xd6e8_feb8_6659_fd93
            sum ^= sum >> 32
        }
        return sum
    }
}
