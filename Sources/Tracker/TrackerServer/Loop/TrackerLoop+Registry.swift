import Address
import Tracking

/// What the tracker of a registry does for its agents: short intervals, peers of their own site, the owners of a blob.
extension TrackerLoop {
    /// Seconds for which the peer of an announce is remembered here.
    @inline(__always)
    func lifetime(of announce: PeerAnnounce, _ registry: RegistryAnnounce?) -> UInt32 {
        guard registry != nil else { return usualLifetime }
        return UInt32(clamping: 3 * configuration.agentInterval(isWhole: announce.left == 0))
    }

    /// Whether a peer may take part, by the ticket that it shows.
    @inline(__always)
    func isAdmitted(_ announce: PeerAnnounce) -> Bool {
        guard let admits = configuration.admits else { return true }
        return admits(announce.swarm, announce.ticket)
    }

    /// An agent's words without the blob's digest, if it may not hear of the blob's owners.
    @inline(__always)
    func admitted(_ registry: RegistryAnnounce, _ announce: PeerAnnounce) -> RegistryAnnounce {
        guard let digest = registry.digest, let origins = configuration.origins,
            !origins.admits(announce.swarm, digest, registry.proof)
        else { return registry }
        var registry = registry
        registry.digest = nil
        return registry
    }

    /// Notes what an agent says besides its announce.
    /// - Returns: peers that were forgotten here because nobody reaches them.
    func note(_ heard: HeardAnnounce) -> [PeerAddress] {
        guard let registry = heard.registry else { return [] }
        let unreached = registrySwarms.heard(
            heard.announce, from: heard.address, registry, lifetime: UInt64(heard.announce.lifetime), now: seconds)
        for address in unreached {
            var gone = PeerAnnounce(swarm: heard.announce.swarm, peer: .zero, port: address.port)
            gone.event = .stopped
            _ = try? store.announce(
                gone, from: address, wanting: PeerWish(limit: 0), now: seconds, selection: &selection)
        }
        return unreached
    }

    /// Puts peers of the asking peer's site first, half of all, and the owners of the blob last.
    /// - Parameter blob: what the shared store says that the swarm moves, if the announce does not say.
    func complete(_ heard: HeardAnnounce, blob: BlobKey? = nil) {
        let (announce, limit) = (heard.announce, heard.wish.limit)
        guard announce.event != .stopped, limit > 0 else { return }
        let wantsSeeds = announce.left > 0 && announce.event != .paused
        // Who only wants plain peers is told of an origin when there is nobody else.
        let named = heard.registry?.digest ?? (selection.count == 0 ? blob : nil)
        let owners = wantsSeeds ? named.flatMap { configuration.origins?.owners($0) } ?? [] : []
        if let site = heard.registry?.site {
            let near = registrySwarms.peers(
                of: announce.swarm, at: site, besides: heard.address, wantsSeeds: wantsSeeds, most: limit / 2,
                now: seconds, random: &random)
            if !near.ipv4.isEmpty || !near.ipv6.isEmpty { selection.putFirst(near, limit: limit) }
        }
        guard !owners.isEmpty else { return }
        // At the end, also those that are there as peers.
        selection.remove(owners)
        selection.shorten(to: max(0, limit - owners.count))
        let (ipv4, ipv6) = owners.reduce(into: ([UInt8](), [UInt8]())) { lists, owner in
            if owner.family == .ipv4 { owner.appendCompact(to: &lists.0) } else { owner.appendCompact(to: &lists.1) }
        }
        selection.add(ipv4: ipv4, ipv6: ipv6, excluding: heard.address, limit: limit)
    }
}
