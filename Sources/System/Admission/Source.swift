/// The source of a connection, for counting shares: an IPv4 address, or the first 64 bits of an IPv6 address, because
/// one host or customer usually has a whole /64.
public struct Source: Hashable, Sendable {
    private let network: UInt64
    private let isIPv4: Bool

    public init(ipv4: UInt32) {
        network = UInt64(ipv4)
        isIPv4 = true
    }

    /// An IPv4-mapped address (`::ffff:a.b.c.d`) counts as its IPv4 address.
    /// - Parameters:
    ///   - high: the first 64 bits of the address.
    ///   - low: the last 64 bits.
    public init(ipv6High high: UInt64, low: UInt64) {
        isIPv4 = high == 0 && low >> 32 == 0xffff
        network = isIPv4 ? low & 0xffff_ffff : high
    }

    /// - Parameter bytes: the 4 or 16 bytes of an address in network order; nil for any other count.
    public init?(bytes: some Collection<UInt8>) {
        func number(_ bytes: some Collection<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: self.init(ipv4: UInt32(truncatingIfNeeded: number(bytes)))
        case 16: self.init(ipv6High: number(bytes.prefix(8)), low: number(bytes.suffix(8)))
        default: return nil
        }
    }
}
