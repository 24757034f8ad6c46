/// Canonical peer priority (BEP 40): a number that both ends of a connection compute alike, so that all peers prefer
/// the same connections and a newcomer has an even chance everywhere. Higher is preferred.
public enum PeerPriority {
    /// - Parameters:
    ///   - own: our address as the *peer* sees it, so that both get the same number; the port it can reach us on.
    ///   - peer: the peer's address and listening port.
    /// - Returns: nil if one address is IPv4 and the other IPv6, which BEP 40 does not order.
    public static func canonical(own: PeerEndpoint, peer: PeerEndpoint) -> UInt32? {
        canonical(own: own.address, ownPort: own.port, peer: peer.address, peerPort: peer.port)
    }

    /// The same for addresses of 4 or 16 bytes in network order; nil for other lengths or two different ones.
    public static func canonical(own: [UInt8], ownPort: UInt16, peer: [UInt8], peerPort: UInt16) -> UInt32? {
        guard own.count == peer.count, own.count == 4 || own.count == 16 else { return nil }
        guard own != peer else {
            var ports: [UInt8] = []
            ports.append(bigEndian: min(ownPort, peerPort))
            ports.append(bigEndian: max(ownPort, peerPort))
            return crc32c(ports)
        }
        // Whole bytes count up to and with the first that differs, but at least the first 2 (IPv4) or 6 (IPv6); of the
        // bytes after them every second bit.
        let common = zip(own, peer).prefix { $0 == $1 }.count
        let whole = max(own.count == 4 ? 2 : 6, common + 1)
        let masked = [own, peer].map { address in
            address.enumerated().map { $0.offset < whole ? $0.element : $0.element & 0x55 }
        }
        let ordered = masked[0].lexicographicallyPrecedes(masked[1]) ? masked : masked.reversed()
        return crc32c(ordered[0] + ordered[1])
    }

    /// CRC-32C (Castagnoli, RFC 3720 appendix B.4).
    static func crc32c(_ bytes: [UInt8]) -> UInt32 {
        var remainder: UInt32 = 0xffff_ffff
        for byte in bytes {
            remainder ^= UInt32(byte)
            for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder & 1 == 0 ? 0 : 0x82f6_3b78) }
        }
        return ~remainder
    }
}
