import Metainfo

/// What is kept of an upload beside its bytes: how many of them are durable, and the state of their digests somewhere before
/// that. In the file the length stands in a line of its own, with the size that the sender said, or `-`, and the target.
struct UploadNote {
    /// Bytes.
    let length: Int64
    /// The bytes that the sender says the whole will have.
    let size: Int64?
    /// What the upload is for; nil where that was not said. Without blanks and line breaks.
    let target: String?
    /// Nil before the first byte.
    let snapshot: BlobSnapshot?

    /// A snapshot has 52 bytes or more for each piece.
    static let mostBytes = 64 << 20

    init(length: Int64, size: Int64?, target: String?, snapshot: BlobSnapshot?) {
        self.length = length
        self.size = size
        self.target = target
        self.snapshot = snapshot
    }

    /// Nil for what was not written here. A snapshot that cannot be read is left out: all is hashed again then.
    init?(_ bytes: [UInt8]) {
        guard let end = bytes.firstIndex(of: 0x0a) else { return nil }
        let words = String(decoding: bytes[..<end], as: UTF8.self).split(separator: " ")
        guard (1...3).contains(words.count), let length = Int64(words[0]), length >= 0 else { return nil }
        self.length = length
        size = words.count > 1 ? Int64(words[1]) : nil
        target = words.count > 2 ? String(words[2]) : nil
        snapshot = try? BlobSnapshot(bytes: Array(bytes[(end + 1)...]))
    }

    var bytes: [UInt8] {
        let size = size.map { "\($0)" } ?? "-"
        return Array("\(length) \(size)\(target.map { " \($0)" } ?? "")\n".utf8) + (snapshot?.bytes ?? [])
    }
}
