import Address

/// A range of IP addresses in CIDR notation, `10.1.0.0/16` or `2001:db8::/32`, or a single address.
package struct AddressRange: Sendable, Hashable, CustomStringConvertible {
    package let description: String
    private let first: PeerAddress
    private let bits: Int

    /// Nil for any other text.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = PeerAddress(host: parts[0], port: 0) else { return nil }
        let most = address.family == .ipv4 ? 32 : 128
        if parts.count == 2 {
            guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let count = Int(parts[1]), count <= most
            else { return nil }
            bits = count
        } else {
            bits = most
        }
        first = address
        description = text
    }

    package func contains(_ address: PeerAddress) -> Bool {
        guard address.family == first.family else { return false }
        let (one, other) = (first.addressBytes, address.addressBytes)
        let (whole, rest) = (bits / 8, bits % 8)
        guard one.prefix(whole).elementsEqual(other.prefix(whole)) else { return false }
        return rest == 0 || (one[whole] ^ other[whole]) >> UInt8(8 - rest) == 0
    }
}
