import Address

/// Which addresses from a tracker (or another peer) this node may try to connect to.
///
/// A hostile tracker can name anything: this node itself, services on this machine, the metadata service of a cloud at
/// 169.254.169.254, multicast groups. Such addresses pass only where the node is at home there itself: loopback
/// addresses if the tracker was asked over loopback or the node listens there, link-local ones likewise.
/// Private ranges (10.0.0.0/8, ...) always pass: fleets live there.
public struct PeerAddressFilter: Sendable, Hashable {
    /// Addresses that are this node: listening addresses with their port, and external ones as peers and trackers
    /// report them. A peer is dropped when address and port are the same.
    public var own: Set<PeerAddress>
    /// Whether loopback addresses may be tried.
    public var allowsLoopback: Bool
    /// Whether link-local addresses may be tried.
    public var allowsLinkLocal: Bool
    /// Most addresses passed on from one list.
    public var limit: Int

    public init(
        own: Set<PeerAddress> = [], allowsLoopback: Bool = false, allowsLinkLocal: Bool = false, limit: Int = 1_000
    ) {
        self.own = own
        self.allowsLoopback = allowsLoopback
        self.allowsLinkLocal = allowsLinkLocal
        self.limit = limit
    }

    /// A filter for what comes from `source`: neighbours there are plausible when the source itself is one.
    /// - Parameter source: the address of the tracker or peer that named the addresses; nil when unknown.
    public func trusting(source: PeerAddress?) -> PeerAddressFilter {
        guard let source else { return self }
        var filter = self
        filter.allowsLoopback = allowsLoopback || source.isLoopback
        filter.allowsLinkLocal = allowsLinkLocal || source.isLinkLocal
        return filter
    }

    /// A filter for what comes from a host with these addresses, of which it is not known which one answered. It must be a
    /// neighbour at each of them: anybody can give his name a second address that is one of ours.
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

    /// The addresses that pass, each once, in their order, at most `limit`.
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
