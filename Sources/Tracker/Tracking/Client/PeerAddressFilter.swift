import Address

/// Decides which addresses from a tracker (or another peer) this node may connect to.
///
/// A hostile tracker can send any address: this node itself, services on this host, a cloud's metadata service at
/// 169.254.169.254, multicast groups. Loopback addresses pass only if the tracker was reached over loopback or the node
/// listens there; the same holds for link-local addresses. Private ranges (10.0.0.0/8, ...) always pass, because fleets
/// use them.
public struct PeerAddressFilter: Sendable, Hashable {
    /// Addresses of this node: listening addresses with their port, and external addresses reported by peers and
    /// trackers. A peer with the same address and port is dropped.
    public var own: Set<PeerAddress>
    /// Whether connections to loopback addresses are allowed.
    public var allowsLoopback: Bool
    /// Whether connections to link-local addresses are allowed.
    public var allowsLinkLocal: Bool
    /// Maximum number of addresses passed from one list.
    public var limit: Int

    public init(
        own: Set<PeerAddress> = [], allowsLoopback: Bool = false, allowsLinkLocal: Bool = false, limit: Int = 1_000
    ) {
        self.own = own
        self.allowsLoopback = allowsLoopback
        self.allowsLinkLocal = allowsLinkLocal
        self.limit = limit
    }

    /// A filter for addresses from `source`: loopback or link-local addresses are plausible if the source's own address
    /// is one.
    /// - Parameter source: the address of the tracker or peer that sent the addresses; nil if unknown.
    public func trusting(source: PeerAddress?) -> PeerAddressFilter {
        guard let source else { return self }
        var filter = self
        filter.allowsLoopback = allowsLoopback || source.isLoopback
        filter.allowsLinkLocal = allowsLinkLocal || source.isLinkLocal
        return filter
    }

    /// A filter for addresses from a host with several addresses, if it is unknown which of them responded. All of them
    /// must be loopback or link-local: anybody can give their host name an additional address that is ours.
    public func trusting(sources: [PeerAddress]) -> PeerAddressFilter {
        guard !sources.isEmpty else { return self }
        var filter = self
        filter.allowsLoopback = allowsLoopback || sources.allSatisfy(\.isLoopback)
        filter.allowsLinkLocal = allowsLinkLocal || sources.allSatisfy(\.isLinkLocal)
        return filter
    }

    /// Whether a connection to this address may be tried.
    public func passes(_ peer: PeerAddress) -> Bool {
        guard peer.isConnectable else { return false }
        if peer.isLoopback && !allowsLoopback { return false }
        if peer.isLinkLocal && !allowsLinkLocal { return false }
        return !own.contains(peer)
    }

    /// The distinct addresses that pass, in the same order, at most `limit`.
    public func filter(_ peers: some Sequence<PeerAddress>) -> [PeerAddress] {
        var seen = Set<PeerAddress>()
        var passed: [PeerAddress] = []
        for peer in peers where passes(peer) && seen.insert(peer).inserted {
            passed.append(peer)
            if passed.count >= limit { break }
        }
        return passed
    }
}
