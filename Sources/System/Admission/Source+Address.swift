import Address

extension Source {
    /// The port does not count.
    public init(_ address: PeerAddress) {
        switch address.family {
        case .ipv4: self.init(ipv4: UInt32(truncatingIfNeeded: address.low))
        case .ipv6: self.init(ipv6High: address.high, low: address.low)
        }
    }
}

extension PeerAddress {
    /// Whose share of the budget a connection from here is.
    public var source: Source { Source(self) }
}
