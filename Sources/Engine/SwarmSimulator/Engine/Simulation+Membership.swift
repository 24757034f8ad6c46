import PeerWire
import SwarmCore

/// Hosts that join and leave, and their connections.
extension Simulation {
    func join(_ host: SimulatedHost) {
        guard !host.isPresent else { return }
        host.isPresent = true
        host.joinedAt = now
        announce(host)
        tracker.add(host.index, isReachable: host.setup.acceptsConnections)
        // Spread over time, so that not all hosts act at one moment.
        let network = scenario.network
        let phase = Double.random(in: 0...1, using: &random)
        schedule(.tick, Int(host.index), at: now + phase * network.tickInterval)
        schedule(.announcements, Int(host.index), at: now + phase * network.announceInterval)
        for after in network.firstExchanges { schedule(.exchange, Int(host.index), at: now + after + phase) }
    }

    /// Peer exchange (BEP 11): sends each peer the addresses of reachable peers, as the ledger decides.
    func exchange(_ host: SimulatedHost) {
        var peers: [ExchangeLedger<Int32>.Peer] = []
        for link in host.links {
            guard let link else { continue }
            let other = hosts[Int(link.other)]
            peers.append(
                ExchangeLedger.Peer(
                    key: link.key, address: link.other, isReachable: other.setup.acceptsConnections,
                    listens: other.linkCount < scenario.network.connections))
        }
        for (key, change) in host.exchange.messages(to: peers, now: now) {
            guard let link = host.link(key) else { continue }
            let other = hosts[Int(link.other)]
            guard other.exchange.mayReceive(from: peerKey(of: link), now: now) else { continue }
            other.book.learn(change.added, from: .exchange)
        }
        // The early messages are scheduled when the host joins.
        if now - host.joinedAt > (scenario.network.firstExchanges.last ?? 0) {
            schedule(.exchange, Int(host.index), at: now + scenario.network.exchangeInterval)
        }
    }

    /// The host leaves without notice.
    func leave(_ host: SimulatedHost) {
        guard host.isPresent else { return }
        host.isPresent = false
        tracker.remove(host.index)
        if host.setup.isAwaited, host.finishedAt == nil { unfinished -= 1 }
        for link in host.links { if let link { disconnect(host, link.key) } }
    }

    /// Announces to the tracker and dials the peers in its response.
    func announce(_ host: SimulatedHost) {
        host.lastAnnounce = now
        let wantsSeeds = !host.machine.isFinished
        let peers = tracker.select(
            scenario.network.peersPerAnnounce, for: host.index, isReachable: host.setup.acceptsConnections,
            using: &random
        ) { wantsSeeds || !self.hosts[Int($0)].machine.isFinished }
        host.book.learn(peers, from: .tracker)
        dial(host)
    }

    func dial(_ host: SimulatedHost) {
        if !host.machine.isFinished, host.linkCount < 3, now - host.lastAnnounce >= scenario.network.announceAgain {
            host.lastAnnounce = now
            return announce(host)
        }
        guard !host.machine.isFinished || host.linkCount < 200 else { return }
        for other in host.book.dial(connections: host.linkCount, now: now) {
            let delay = delay(from: host, to: hosts[Int(other)])
            // One round trip for TCP and one for the handshake.
            queue.schedule(Event(time: now + 4 * delay, kind: .dialled, host: host.index, slot: other))
        }
    }

    /// An outgoing connection is established or refused.
    package func dialled(_ host: SimulatedHost, _ index: Int32) {
        let other = hosts[Int(index)]
        guard other.isPresent, other.setup.acceptsConnections else { return host.book.failed(index, now: now) }
        // Both ends decide by the same rule; the dialled host decides first.
        switch other.admission.verdict(host.index, at: host.index, isIncoming: true) {
        case .admitted: break
        case .replaces(let key): disconnect(other, key, isRedundant: true)
        case .banned: return host.book.failed(index, now: now)
        case .own, .duplicate: return host.book.shun(index)
        }
        host.book.connected(index)
        other.book.connected(host.index)
        connectionSerial += 1
        let there = add(connectionSerial, from: host, to: other, isIncoming: false)
        let here = add(connectionSerial, from: other, to: host, isIncoming: true)
        if !host.setup.acceptsConnections { other.machine.update(here) { $0.isUnreachable = true } }
        host.links[Int(there.slot)]?.otherSlot = here.slot
        other.links[Int(here.slot)]?.otherSlot = there.slot
        learnPath(host, there, to: other, here)
        carryOut(host)
        carryOut(other)
    }

    private func add(
        _ serial: Int32, from host: SimulatedHost, to other: SimulatedHost, isIncoming: Bool
    ) -> PeerKey {
        var traits = PeerTraits(supportsFast: true)
        traits.supportsDontHave = true
        traits.followsSuggestions = true
        traits.supportsGrants = true
        traits.uplink = other.efficiency.uplinkTold
        // If there is only one site, no peer is far.
        traits.isNear = scenario.sites.count > 1 && host.setup.site == other.setup.site
        traits.supportsClaims = scenario.claims
        traits.requestQueue = host.machine.configuration.requestQueue
        traits.longestRequest = host.machine.configuration.longestRequest
        let key = host.machine.join(traits, now: now)
        while host.links.count <= Int(key.slot) { host.links.append(nil) }
        host.links[Int(key.slot)] = Link(key: key, other: other.index, serial: serial)
        host.hearing.connect(key.slot, to: other.index, heard: other.finishedPieces.count)
        host.admission.joined(key, other.index, at: other.index, isIncoming: isIncoming)
        host.linkCount += 1
        return key
    }

    /// Removes the connection at both ends.
    package func disconnect(_ host: SimulatedHost, _ key: PeerKey, isRedundant: Bool = false) {
        guard let link = host.link(key) else { return }
        let other = hosts[Int(link.other)]
        let otherKey = other.links[Int(link.otherSlot)]?.key
        drop(host, key)
        guard let otherKey else { return }
        if isRedundant || host.book.isBanned(other.index) {
            other.book.shun(host.index)
        } else if !other.book.isBanned(host.index) {
            other.book.failed(host.index, now: now)
        }
        drop(other, otherKey)
        carryOut(other)
    }

    private func drop(_ host: SimulatedHost, _ key: PeerKey) {
        host.links[Int(key.slot)] = nil
        host.hearing.disconnect(key.slot)
        host.admission.left(key)
        host.exchange.forget(key)
        host.further.forget(key)
        host.linkCount -= 1
        host.uplink.abandon(key.slot, now: now)
        if host.isPresent { host.machine.leave(key, now: now) }
    }
}
