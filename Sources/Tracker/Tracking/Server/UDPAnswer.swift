import Address

/// Writes responses of a UDP tracker (BEP 15) to the caller's memory. Each function returns the number of bytes, or 0
/// if they do not fit.
public enum UDPAnswer {
    /// Bytes of an announce response before its peers.
    public static let announceHead = 20
    /// Number of peers of each family in one datagram on a path with IPv6's minimum MTU, ignoring headers: 20 + 200 * 6
    /// and 20 + 66 * 18 bytes.
    public static func peerLimit(_ family: PeerAddress.Family) -> Int { family == .ipv4 ? 200 : 66 }

    public static func connect(
        transaction: UInt32, connection: UInt64, into target: UnsafeMutableRawBufferPointer
    ) -> Int {
        guard target.count >= 16 else { return 0 }
        target.storeBytes(of: 0, as: UInt32.self)
        target.storeBytes(of: transaction.bigEndian, toByteOffset: 4, as: UInt32.self)
        target.storeBytes(of: connection.bigEndian, toByteOffset: 8, as: UInt64.self)
        return 16
    }

    /// Writes the head of an announce response; the peers in compact form follow at byte `announceHead`.
    public static func announceHead(
        transaction: UInt32, interval: Int, counts: SwarmCounts, into target: UnsafeMutableRawBufferPointer
    ) -> Int {
        guard target.count >= announceHead else { return 0 }
        target.storeBytes(of: UInt32(1).bigEndian, as: UInt32.self)
        target.storeBytes(of: transaction.bigEndian, toByteOffset: 4, as: UInt32.self)
        target.storeBytes(of: UInt32(clamping: interval).bigEndian, toByteOffset: 8, as: UInt32.self)
        target.storeBytes(of: UInt32(clamping: counts.leechers).bigEndian, toByteOffset: 12, as: UInt32.self)
        target.storeBytes(of: UInt32(clamping: counts.seeds).bigEndian, toByteOffset: 16, as: UInt32.self)
        return announceHead
    }

    /// Writes a scrape response. `counts` is called once for each hash, in order.
    public static func scrape(
        transaction: UInt32, hashes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer,
        counts: (SwarmKey) -> SwarmCounts
    ) -> Int {
        let number = hashes.count / SwarmKey.byteCount
        guard let base = hashes.baseAddress, target.count >= 8 + 12 * number else { return 0 }
        target.storeBytes(of: UInt32(2).bigEndian, as: UInt32.self)
        target.storeBytes(of: transaction.bigEndian, toByteOffset: 4, as: UInt32.self)
        for index in 0..<number {
            let found = counts(SwarmKey(loading: base + SwarmKey.byteCount * index))
            let offset = 8 + 12 * index
            target.storeBytes(of: UInt32(clamping: found.seeds).bigEndian, toByteOffset: offset, as: UInt32.self)
            target.storeBytes(
                of: UInt32(clamping: found.completions).bigEndian, toByteOffset: offset + 4, as: UInt32.self)
            target.storeBytes(of: UInt32(clamping: found.leechers).bigEndian, toByteOffset: offset + 8, as: UInt32.self)
        }
        return 8 + 12 * number
    }

    /// Writes an error, unless it would be longer than `limit`: the length of the request, as long as its sender has
    /// not proved that it receives datagrams at its address.
    public static func failure(
        transaction: UInt32, reason: StaticString, limit: Int, into target: UnsafeMutableRawBufferPointer
    ) -> Int {
        let length = 8 + reason.utf8CodeUnitCount
        guard length <= min(limit, target.count) else { return 0 }
        target.storeBytes(of: UInt32(3).bigEndian, as: UInt32.self)
        target.storeBytes(of: transaction.bigEndian, toByteOffset: 4, as: UInt32.self)
        UnsafeMutableRawBufferPointer(rebasing: target[8..<length]).copyBytes(
            from: UnsafeBufferPointer(start: reason.utf8Start, count: reason.utf8CodeUnitCount))
        return length
    }
}
