import SwarmCore

/// Several connections between two hosts, where ``Network/connectionWindow`` keeps one from filling the path.
extension Simulation {
    private func roundTrip(_ host: SimulatedHost, _ other: SimulatedHost) -> Double {
        let network = scenario.network
        return 2 * (host.setup.site == other.setup.site ? network.delayInSite : network.delayBetweenSites)
    }

    /// Tells both ends of a new connection whether the path is long.
    func learnPath(_ host: SimulatedHost, _ there: PeerKey, to other: SimulatedHost, _ here: PeerKey) {
        let roundTrip = roundTrip(host, other)
        guard scenario.network.connectionWindow != nil, scenario.network.connectionLimits.isLong(roundTrip) else {
            return
        }
        host.machine.setLongRoundTrip(roundTrip, of: there)
        other.machine.setLongRoundTrip(roundTrip, of: here)
    }

    /// Opens and closes further connections as the host decides.
    func adjustFurtherConnections(_ host: SimulatedHost) {
        guard scenario.network.connectionWindow != nil, !host.machine.isFinished else { return }
        var paths: [FurtherConnectionPlan<PeerKey>.Path] = []
        var all = 0
        for link in host.links {
            guard let link else { continue }
            let other = hosts[Int(link.other)]
            all += link.connections + link.opening - 1
            // To a host behind a firewall none can be opened.
            guard other.setup.acceptsConnections else { continue }
            paths.append(
                .init(
                    peer: link.key, roundTrip: roundTrip(host, other), isLossy: false,
                    isGiving: host.machine.isGiving(link.key), connections: link.connections + link.opening,
                    most: scenario.network.connectionLimits.most))
        }
        let steps = host.further.look(
            paths, all: all, received: host.machine.transferred.down, remaining: host.machine.missingBytes, now: now)
        for step in steps {
            switch step {
            case .open(let key, let count): open(count, from: host, key)
            case .retire(let key, let count): change(host, key, by: -count)
            }
        }
    }

    private func open(_ count: Int, from host: SimulatedHost, _ key: PeerKey) {
        guard let link = host.link(key) else { return }
        host.links[Int(key.slot)]?.opening += count
        let delay = delay(from: host, to: hosts[Int(link.other)])
        // One round trip for TCP and one for the handshake.
        queue.schedule(
            Event(
                time: now + 4 * delay, kind: .further, host: host.index, slot: key.slot, serial: link.serial,
                a: Int32(count)))
    }

    func furtherConnected(_ host: SimulatedHost, _ event: Event) {
        guard let link = host.links[Int(event.slot)], link.serial == event.serial else { return }
        host.links[Int(event.slot)]?.opening -= Int(event.a)
        change(host, link.key, by: Int(event.a))
    }

    /// Both ends have this many more connections.
    private func change(_ host: SimulatedHost, _ key: PeerKey, by count: Int) {
        guard let link = host.link(key) else { return }
        let connections = max(1, link.connections + count)
        let other = hosts[Int(link.other)]
        let otherKey = peerKey(of: link)
        host.links[Int(key.slot)]?.connections = connections
        other.links[Int(link.otherSlot)]?.connections = connections
        host.machine.setConnectionCount(connections, of: key)
        other.machine.setConnectionCount(connections, of: otherKey)
    }

    /// A block is sent: what is in flight on its connections leaves no room for more until a part is acknowledged.
    func fillConnections(_ host: SimulatedHost, _ slot: Int32, to other: SimulatedHost, _ bytes: Int) {
        guard let window = scenario.network.connectionWindow, let link = host.links[Int(slot)] else { return }
        let rate = window * Double(link.connections) / roundTrip(host, other)
        host.links[Int(slot)]?.fullUntil = max(now, link.fullUntil) + wireLength(bytes) / rate
    }
}
