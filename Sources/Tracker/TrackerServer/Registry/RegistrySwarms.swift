import Address
import Text
import Tracking

/// What a tracker knows of a registry's swarms beyond their peers: who is at which site, and who was found to be out of reach. Pure;
/// times are seconds.
struct RegistrySwarms {
    private struct SiteKey: Hashable {
        let swarm: SwarmKey
        let site: UInt64
    }

    private struct SitePeer {
        let address: PeerAddress
        let isWhole: Bool
        let end: UInt64
    }

    private struct PeerKey: Hashable {
        let swarm: SwarmKey
        let address: PeerAddress
    }

    /// Longest that a peer is remembered: one that is whole announces every ten minutes, and ends after three of them.
    private static let longest: UInt64 = 1800
    /// Peers of one site in one swarm: twice as many as an answer has.
    private static let mostOfASite = 64

    private var sites = FadingTable<SiteKey, [SitePeer]>(period: longest, most: 50_000)
    /// Who said first that a peer cannot be reached.
    private var doubts = FadingTable<PeerKey, PeerAddress>(period: 120, most: 50_000)

    /// Peers that were dropped, until they announce again.
    private var dropped = FadingTable<PeerKey, Bool>(period: longest, most: 50_000)

    /// An announce came.
    /// - Parameter lifetime: seconds after which the peer is forgotten.
    /// - Returns: peers that two others could not reach: to be forgotten until they announce again.
    mutating func heard(
        _ announce: PeerAnnounce, from address: PeerAddress, _ registry: RegistryAnnounce, lifetime: UInt64, now: UInt64
    ) -> [PeerAddress] {
        let own = PeerKey(swarm: announce.swarm, address: address)
        if !doubts.isEmpty { doubts.remove(own) }
        if !dropped.isEmpty { dropped.remove(own) }
        if let site = registry.site { note(announce, address, site, lifetime, now) }
        var unreached: [PeerAddress] = []
        for peer in registry.unreached where peer != address {
            let key = PeerKey(swarm: announce.swarm, address: peer)
            if let first = doubts[key], Self.areTwo(first, address) {
                doubts.remove(key)
                dropped.set(true, for: key, now: now)
                unreached.append(peer)
            } else {
                doubts.set(address, for: key, now: now)
            }
        }
        return unreached
    }

    /// Whether two addresses are those of two hosts: one host can announce with as many ports as it likes, and with all addresses
    /// of its /64. On this machine each port is another peer.
    private static func areTwo(_ one: PeerAddress, _ other: PeerAddress) -> Bool {
        if one.isLoopback, other.isLoopback { return one != other }
        guard one.family == other.family else { return true }
        return one.family == .ipv6 ? one.high != other.high : !one.hasSameHost(as: other)
    }

    private mutating func note(
        _ announce: PeerAnnounce, _ address: PeerAddress, _ site: UInt64, _ lifetime: UInt64, _ now: UInt64
    ) {
        let key = SiteKey(swarm: announce.swarm, site: site)
        var peers = (sites[key] ?? []).filter { $0.end > now && $0.address != address }
        if announce.event != .stopped, announce.port != 0, !announce.isUnreachable {
            if peers.count >= Self.mostOfASite { peers.removeFirst() }
            peers.append(
                SitePeer(
                    address: address, isWhole: announce.left == 0, end: now + min(lifetime, Self.longest)))
        }
        if peers.isEmpty { sites.remove(key) } else { sites.set(peers, for: key, now: now) }
    }

    /// Peers at a site in random order, as compact addresses.
    func peers(
        of swarm: SwarmKey, at site: UInt64, besides own: PeerAddress, wantsSeeds: Bool, most: Int, now: UInt64,
        random: inout SeededGenerator
    ) -> (ipv4: [UInt8], ipv6: [UInt8]) {
        var found = (sites[SiteKey(swarm: swarm, site: site)] ?? []).filter {
            $0.end > now && $0.address != own && (wantsSeeds || !$0.isWhole)
                && (dropped.isEmpty || dropped[PeerKey(swarm: swarm, address: $0.address)] == nil)
        }
        found.shuffle(using: &random)
        var (ipv4, ipv6): ([UInt8], [UInt8]) = ([], [])
        for peer in found.prefix(max(0, most)) {
            if peer.address.family == .ipv4 {
                peer.address.appendCompact(to: &ipv4)
            } else {
                peer.address.appendCompact(to: &ipv6)
            }
        }
        return (ipv4, ipv6)
    }
}
