extension PeerAddress {
    /// Bytes of one peer in compact form: 6 for IPv4 (BEP 23), 18 for IPv6 (BEP 7).
    public static func compactLength(_ family: Family) -> Int { family == .ipv4 ? 6 : 18 }

    /// Appends address and port in network order: 6 bytes (BEP 23) or 18 (BEP 7).
    public func appendCompact(to output: inout [UInt8]) {
        output.append(contentsOf: addressBytes)
        output.append(UInt8(port >> 8))
        output.append(UInt8(truncatingIfNeeded: port))
    }

    /// This peer in compact form: 6 or 18 bytes.
    public var compact: [UInt8] {
        var output: [UInt8] = []
        appendCompact(to: &output)
        return output
    }

    /// Reads one compact peer; nil unless there are exactly 6 or 18 bytes, as the family asks.
    public init?(compact bytes: some Collection<UInt8>, family: Family) {
        guard bytes.count == PeerAddress.compactLength(family) else { return nil }
        let port = bytes.suffix(2).reduce(UInt16(0)) { $0 << 8 | UInt16($1) }
        self.init(addressBytes: bytes.dropLast(2), port: port)
    }

    /// Reads a compact peer list. Nil if its length is not a multiple of the record length of the family. Reads at most
    /// `limit` peers and ignores the rest.
    public static func list(
        compact bytes: some Collection<UInt8>, family: Family, limit: Int = 2_000
    ) -> [PeerAddress]? {
        let size = compactLength(family)
        guard bytes.count % size == 0 else { return nil }
        var peers: [PeerAddress] = []
        peers.reserveCapacity(min(limit, bytes.count / size))
        var rest = bytes[...]
        while peers.count < limit, !rest.isEmpty {
            guard let peer = PeerAddress(compact: rest.prefix(size), family: family) else { return nil }
            peers.append(peer)
            rest = rest.dropFirst(size)
        }
        return peers
    }
}
