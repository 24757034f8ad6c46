import Bencode

/// A ut_metadata message (BEP 9): transfers the info dictionary in pieces of 16 KiB.
public enum MetadataMessage: Sendable, Hashable {
    case request(piece: Int)
    /// - bytes: exactly `length(ofPiece:size:)` bytes of the info dictionary.
    case data(piece: Int, totalSize: Int, bytes: [UInt8])
    case reject(piece: Int)

    /// Bytes in each piece but the last.
    public static let pieceLength = 16 << 10

    /// Number of pieces of an info dictionary of `size` bytes (zero or more).
    public static func pieceCount(size: Int) -> Int { size / pieceLength + (size % pieceLength == 0 ? 0 : 1) }

    /// Length in bytes of a piece of an info dictionary of `size` bytes; zero for a piece it does not have.
    public static func length(ofPiece piece: Int, size: Int) -> Int {
        guard piece >= 0, piece < pieceCount(size: size) else { return 0 }
        return min(pieceLength, size - piece * pieceLength)
    }

    /// - Returns: nil for an unknown message type, which must be ignored (BEP 9).
    /// - Throws: `ProtocolViolation.malformedExtension` if the payload is not such a dictionary, names a piece that no
    ///   metadata within our limits has, or carries data of the wrong length for its piece.
    init?(wire payload: [UInt8], limits: WireLimits) throws(ProtocolViolation) {
        let value: BencodeValue
        let consumed: Int
        do {
            let header = BencodeLimits(maxBytes: limits.longestMetadataHeader, maxTokens: 64, maxDepth: 8)
            (value, consumed) = try Bencode.decodePrefix(payload[...], limits: header)
        } catch { throw .malformedExtension(.metadata) }
        guard let fields = value.dictionaryValue, let type = fields["msg_type"]?.integerValue else {
            throw .malformedExtension(.metadata)
        }
        guard (0...2).contains(type) else { return nil }
        let most = Self.pieceCount(size: limits.largestMetadata)
        guard let number = fields["piece"]?.integerValue, let piece = Int(exactly: number), piece >= 0, piece < most
        else {
            throw .malformedExtension(.metadata)
        }
        switch type {
        case 0: self = .request(piece: piece)
        case 2: self = .reject(piece: piece)
        default:
            guard let total = fields["total_size"]?.integerValue, total > 0, total <= Int64(limits.largestMetadata)
            else {
                throw .malformedExtension(.metadata)
            }
            let bytes = payload[consumed...]
            guard !bytes.isEmpty, bytes.count == Self.length(ofPiece: piece, size: Int(total)) else {
                throw .malformedExtension(.metadata)
            }
            self = .data(piece: piece, totalSize: Int(total), bytes: Array(bytes))
        }
    }

    /// The payload, without the message header.
    func encode(into buffer: inout [UInt8]) {
        var fields = BencodeDictionary()
        switch self {
        case .request(let piece):
            fields["msg_type"] = 0
            fields["piece"] = .integer(Int64(piece))
        case .reject(let piece):
            fields["msg_type"] = 2
            fields["piece"] = .integer(Int64(piece))
        case .data(let piece, let totalSize, _):
            fields["msg_type"] = 1
            fields["piece"] = .integer(Int64(piece))
            fields["total_size"] = .integer(Int64(totalSize))
        }
        buffer.append(contentsOf: Bencode.encode(.dictionary(fields)))
        if case .data(_, _, let bytes) = self { buffer.append(contentsOf: bytes) }
    }
}
