import Reactor
import SwarmCore

/// Which peers are at our site, and delayed announcements to the others.
extension TorrentEngine {
    /// Site names decide if both sides have one, addresses otherwise.
    func isNear(_ connection: PeerConnection) -> Bool {
        if let ours = options.site, let theirs = connection.capabilities.site { return ours == theirs }
        guard let local = connection.stream.localAddress else { return false }
        return Site.areNeighbours(local.addressBytes, connection.address.addressBytes)
    }

    /// What the blocks of a peer count against.
    func inboundLimits(isNear: Bool) -> TransferLimits { isNear ? limits : outsideLimits ?? limits }

    /// Changes what comes from outside our site, by peers and sources together, in bytes per second; nil for no limit.
    func setOutsideLimit(_ rate: Int?) {
        if let outsideLimits {
            outsideLimits.set(down: rate, up: nil, now: context.loop.now)
        } else if let rate {
            let new = TransferLimits(down: rate, up: nil, parent: limits, now: context.loop.now)
            outsideLimits = new
            for (key, connection) in connections {
                let inbound = inboundLimits(isNear: isNear(connection))
                connection.open?.inbound = inbound
                for further in furtherConnections.open[key] ?? [] { further.open?.inbound = inbound }
            }
            for source in sources.all { source.limits = new }
        } else {
            return
        }
        limitsChanged()
    }

    // MARK: Announcements

    /// Announces a piece to every peer. Announcements for which a peer does not wait are sent in groups.
    func announce(_ piece: UInt32) {
        let now = context.loop.now
        for (key, connection) in connections {
            let hold = machine.holdOfAnnouncement(of: Int(piece), to: key)
            if hold > 0 {
                heldAnnouncements.hold(piece, for: key, due: now + hold)
            } else {
                if !heldAnnouncements.isEmpty { sayHeld(to: key) }
                connection.send(.have(piece))
                dirty.insert(key)
            }
        }
    }

    /// Sends a peer's delayed announcements, which must come before any other message to it.
    func sayHeld(to key: PeerKey) {
        for piece in heldAnnouncements.takePieces(for: key) {
            connections[key]?.send(.have(piece))
            dirty.insert(key)
        }
    }

    func sayHeld(_ now: Double) { for key in heldAnnouncements.due(now) { sayHeld(to: key) } }
}
