import Hashing

/// The handshake (BEP 3), 68 bytes in each direction: protocol name, reserved bits, info hash, peer id.
public struct Handshake: Sendable, Hashable {
    public static let byteCount = 68

    public var reserved: ReservedBits
    /// The v1 info hash, or the v2 info hash truncated to 20 bytes (BEP 52).
    public var infoHash: SHA1Digest
    public var peerID: PeerID

    public init(reserved: ReservedBits, infoHash: SHA1Digest, peerID: PeerID) {
        self.reserved = reserved
        self.infoHash = infoHash
        self.peerID = peerID
    }

    /// Length byte and protocol name.
    static let preamble: [UInt8] = [19] + Array("BitTorrent protocol".utf8)

    /// Appends the 68 bytes.
    public func encode(into buffer: inout [UInt8]) {
        buffer.append(contentsOf: Self.preamble)
        buffer.append(bigEndian: reserved.rawValue)
        buffer.append(contentsOf: infoHash.bytes)
        peerID.append(to: &buffer)
    }
}

/// Checks a handshake while its bytes arrive, so that a wrong client is refused at its first wrong byte.
public enum HandshakeDecoder {
    public enum Progress: Sendable, Hashable {
        /// Valid so far; call again when there are `atLeast` bytes from the start.
        case needMore(atLeast: Int)
        /// The first 48 bytes have arrived. The accepting side can look up the torrent and reply; some clients send
        /// their peer id only after that reply. Call again at 68 bytes.
        case torrent(reserved: ReservedBits, infoHash: SHA1Digest)
        /// All 68 bytes have arrived; messages follow them.
        case complete(Handshake)
    }

    /// - Parameter bytes: everything received so far, from the first byte of the connection.
    /// - Throws: `ProtocolViolation.notBitTorrent` at the first wrong byte of the length or the name.
    public static func judge(_ bytes: UnsafeRawBufferPointer) throws(ProtocolViolation) -> Progress {
        let preamble = Handshake.preamble
        var offset = 0
        while offset < min(bytes.count, preamble.count) {
            guard bytes[offset] == preamble[offset] else { throw .notBitTorrent }
            offset += 1
        }
        guard bytes.count >= 48 else { return .needMore(atLeast: 48) }
        let reserved = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 20, as: UInt64.self))
        guard let infoHash = SHA1Digest(bytes: bytes[28..<48]) else { throw .notBitTorrent }
        guard bytes.count >= Handshake.byteCount else {
            return .torrent(reserved: ReservedBits(rawValue: reserved), infoHash: infoHash)
        }
        let peerID = PeerID(wire: UnsafeRawBufferPointer(rebasing: bytes[48..<68]))
        return .complete(
            Handshake(reserved: ReservedBits(rawValue: reserved), infoHash: infoHash, peerID: peerID))
    }
}
