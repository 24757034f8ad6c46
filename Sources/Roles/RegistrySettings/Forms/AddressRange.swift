import Address

/// A range of IP addresses: `10.0.0.0/8`, `2001:db8::/32`. A text without a prefix length is a single address.
package struct AddressRange: Sendable, Hashable, CustomStringConvertible {
    package let description: String
    private let prefix: [UInt8]
    private let bits: Int

    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let address = PeerAddress(host: String(parts[0]), port: 1) else {
            return nil
        }
        prefix = Self.bytes(of: address)
        let most = prefix.count * 8
        guard parts.count == 1 || (!parts[1].isEmpty && parts[1].utf8.allSatisfy { (0x30...0x39).contains($0) }),
            let bits = parts.count == 1 ? most : Int(parts[1]), bits <= most
        else { return nil }
        self.bits = bits
        description = text
    }

    package func contains(_ address: PeerAddress) -> Bool {
        let bytes = Self.bytes(of: address)
        guard bytes.count == prefix.count else { return false }
        return (0..<bits).allSatisfy { bit in
            (bytes[bit / 8] ^ prefix[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
        }
    }

    private static func bytes(of address: PeerAddress) -> [UInt8] { Array(address.compact.dropLast(2)) }
}
