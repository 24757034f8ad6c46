import Metainfo

/// What is kept of an upload beside its bytes: how many of them are durable, and the state of their digests somewhere before
/// that. In the file the length stands in a line of its own, with the size that the sender said, if it did.
struct UploadNote {
    /// Bytes.
    let length: Int64
    /// The bytes that the sender says the whole will have.
    let size: Int64?
    /// Nil before the first byte.
    let snapshot: BlobSnapshot?

    /// A snapshot has 52 bytes or more for each piece.
    static let mostBytes = 64 << 20

    init(length: Int64, size: Int64?, snapshot: BlobSnapshot?) {
        self.length = length
        self.size = size
        self.snapshot = snapshot
    }

    /// Nil for what was not written here. A snapshot that cannot be read is left out: all is hashed again then.
    init?(_ bytes: [UInt8]) {
        guard let end = bytes.firstIndex(of: 0x0a) else { return nil }
        let numbers = String(decoding: bytes[..<end], as: UTF8.self).split(separator: " ").map { Int64($0) }
        guard (1...2).contains(numbers.count), let length = numbers[0], length >= 0 else { return nil }
        self.length = length
        size = numbers.count > 1 ? numbers[1] : nil
        snapshot = try? BlobSnapshot(bytes: Array(bytes[(end + 1)...]))
    }

    var bytes: [UInt8] { Array("\(length)\(size.map { " \($0)" } ?? "")\n".utf8) + (snapshot?.bytes ?? []) }
}
