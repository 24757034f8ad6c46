import Address

extension PeerAddress {
    /// Whose share of the budget a connection from here is.
    public var source: Source {
        switch family {
        case .ipv4: Source(ipv4: UInt32(truncatingIfNeeded: low))
        case .ipv6: Source(ipv6High: high, low: low)
        }
    }
}
