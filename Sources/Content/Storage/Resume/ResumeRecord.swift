import Files
import Hashing
import Metainfo

/// The pieces that are known to be correct on disk, as recorded beside the content.
///
/// Layout, integers little-endian: magic and version (8 bytes), flags (1), v1 hash (20, if flagged), v2 hash (32, if
/// flagged), piece count (4), bitfield, file count (4), selection as bits in bitfield order, stamps (if flagged: for
/// each file a presence byte, then if that is 1 size, modification time and inode of 8 bytes each), SHA-256 of
/// everything before it.
package struct ResumeRecord: Sendable, Equatable {
    package enum Problem: Error, Sendable, Equatable {
        /// Not a record, or one of an unknown version.
        case notARecord
        /// The record is too short or too long, or its checksum is wrong.
        case damaged
    }

    package let hashes: InfoHashes
    /// Pieces that are durable and right.
    package var pieces: PieceSet
    /// Whether each file of the layout was selected when the pieces were written.
    package let selectedFiles: [Bool]
    /// The metadata of each file when the record was made, so that it can vouch for complete content; empty in a record
    /// of an unfinished download.
    package var stamps: [FileStamp?]

    package init(hashes: InfoHashes, pieces: PieceSet, selection: FileSelection, stamps: [FileStamp?] = []) {
        self.hashes = hashes
        self.pieces = pieces
        selectedFiles = selection.allFlags
        self.stamps = stamps.count == selectedFiles.count ? stamps : []
    }

    private init(hashes: InfoHashes, pieces: PieceSet, selectedFiles: [Bool], stamps: [FileStamp?]) {
        self.hashes = hashes
        self.pieces = pieces
        self.selectedFiles = selectedFiles
        self.stamps = stamps
    }

    /// Whether the record is of this content.
    package func fits(_ hashes: InfoHashes, _ layout: ContentLayout) -> Bool {
        self.hashes == hashes && pieces.size == layout.pieceCount && selectedFiles.count == layout.files.count
    }

    private static let magic: [UInt8] = Array("SWPREC".utf8) + [0, 1]

    private enum Flag {
        static let v1: UInt8 = 1
        static let v2: UInt8 = 2
        static let stamps: UInt8 = 4
        static let known: UInt8 = 7
    }

    // MARK: Encoding

    package func encode() -> [UInt8] {
        var out = Self.magic
        var flags: UInt8 = stamps.isEmpty ? 0 : Flag.stamps
        if hashes.v1 != nil { flags |= Flag.v1 }
        if hashes.v2 != nil { flags |= Flag.v2 }
        out.append(flags)
        if let v1 = hashes.v1 { out += v1.bytes }
        if let v2 = hashes.v2 { out += v2.bytes }
        out.append(littleEndian: UInt32(clamping: pieces.size))
        out += pieces.wireBytes
        out.append(littleEndian: UInt32(clamping: selectedFiles.count))
        var bits = PieceSet(size: selectedFiles.count)
        for (index, isSelected) in selectedFiles.enumerated() where isSelected { bits.insert(index) }
        out += bits.wireBytes
        for stamp in stamps {
            out.append(stamp == nil ? 0 : 1)
            guard let stamp else { continue }
            out.append(littleEndian: stamp.size)
            out.append(littleEndian: stamp.modified)
            out.append(littleEndian: stamp.inode)
        }
        return out + SHA256.digest(out).bytes
    }

    // MARK: Decoding

    /// Decodes a record. Never allocates more memory than the input is long.
    package static func decode(_ bytes: [UInt8]) throws(Problem) -> ResumeRecord {
        guard bytes.starts(with: magic) else { throw .notARecord }
        guard bytes.count > magic.count + SHA256Digest.byteCount else { throw .damaged }
        let body = bytes.dropLast(SHA256Digest.byteCount)
        guard SHA256.digest(Array(body)).bytes == Array(bytes.suffix(SHA256Digest.byteCount)) else { throw .damaged }
        var reader = Reader(rest: body.dropFirst(magic.count))
        guard let flags = reader.read(1)?.first, flags & ~Flag.known == 0 else { throw .damaged }
        let v1 = flags & Flag.v1 == 0 ? nil : reader.read(SHA1Digest.byteCount).flatMap { SHA1Digest(bytes: $0) }
        let v2 = flags & Flag.v2 == 0 ? nil : reader.read(SHA256Digest.byteCount).flatMap { SHA256Digest(bytes: $0) }
        guard let hashes = InfoHashes(v1: v1, v2: v2), (v1 != nil) == (flags & Flag.v1 != 0),
            (v2 != nil) == (flags & Flag.v2 != 0), let pieces = reader.bits(), let selected = reader.bits()
        else { throw .damaged }
        let selectedFiles = (0..<selected.size).map { selected.contains($0) }
        var stamps: [FileStamp?] = []
        if flags & Flag.stamps != 0 {
            for _ in selectedFiles {
                guard let presence = reader.read(1)?.first, presence <= 1 else { throw .damaged }
                stamps.append(nil)
                guard presence == 1 else { continue }
                guard let size = reader.integer(Int64.self), let modified = reader.integer(Int64.self),
                    let inode = reader.integer(UInt64.self)
                else { throw .damaged }
                stamps[stamps.count - 1] = FileStamp(size: size, modified: modified, inode: inode)
            }
        }
        guard reader.rest.isEmpty else { throw .damaged }
        return ResumeRecord(hashes: hashes, pieces: pieces, selectedFiles: selectedFiles, stamps: stamps)
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func read(_ count: Int) -> ArraySlice<UInt8>? {
            guard count <= rest.count else { return nil }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }

        mutating func integer<Value: FixedWidthInteger>(_: Value.Type) -> Value? {
            read(Value.bitWidth / 8).map { bytes in
                bytes.reversed().reduce(Value(0)) { $0 << 8 | Value(truncatingIfNeeded: $1) }
            }
        }

        /// A count and as many bits.
        mutating func bits() -> PieceSet? {
            guard let raw = integer(UInt32.self) else { return nil }
            let count = Int(raw)
            return read((count + 7) / 8).flatMap { PieceSet(wire: $0, size: count) }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(littleEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}
