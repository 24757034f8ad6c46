import Metainfo

/// What is kept of an upload beside its bytes: how many of them are durable, and the state of their digests somewhere before
/// that. In the file the length stands in a line of its own.
struct UploadNote {
    /// Bytes.
    let length: Int64
    /// Nil before the first byte.
    let snapshot: BlobSnapshot?

    /// A snapshot has 52 bytes or more for each piece.
    static let mostBytes = 64 << 20

    init(length: Int64, snapshot: BlobSnapshot?) {
        self.length = length
        self.snapshot = snapshot
    }

    /// Nil for what was not written here. A snapshot that cannot be read is left out: all is hashed again then.
    init?(_ bytes: [UInt8]) {
        guard let end = bytes.firstIndex(of: 0x0a),
            let length = Int64(String(decoding: bytes[..<end], as: UTF8.self)), length >= 0
        else { return nil }
        self.length = length
        snapshot = try? BlobSnapshot(bytes: Array(bytes[(end + 1)...]))
    }

    var bytes: [UInt8] { Array("\(length)\n".utf8) + (snapshot?.bytes ?? []) }
}
