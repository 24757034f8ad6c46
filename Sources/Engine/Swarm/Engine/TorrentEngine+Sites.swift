import Reactor
import SwarmCore

/// Which peers stand at our site, and what is said to the others when.
extension TorrentEngine {
    /// Names decide where both sides have one, addresses otherwise.
    func isNear(_ connection: PeerConnection) -> Bool {
        if let ours = options.site, let theirs = connection.capabilities.site { return ours == theirs }
        guard let local = connection.stream.localAddress else { return false }
        return Site.areNeighbours(local.host, connection.address.host)
    }

    // MARK: Announcements

    /// Tells every peer of a piece, those beyond our site's line together with what else goes there.
    func announce(_ piece: UInt32) {
        for (key, connection) in connections {
            if machine.mayHoldAnnouncements(to: key) {
                heldAnnouncements.hold(piece, for: key, now: context.loop.now)
            } else {
                if !heldAnnouncements.isEmpty { sayHeld(to: key) }
                connection.send(.have(piece))
                dirty.insert(key)
            }
        }
    }

    /// What waits for a peer goes before anything else that is said to it.
    func sayHeld(to key: PeerKey) {
        for piece in heldAnnouncements.takePieces(for: key) {
            connections[key]?.send(.have(piece))
            dirty.insert(key)
        }
    }

    func sayHeld(_ now: Double) { for key in heldAnnouncements.due(now) { sayHeld(to: key) } }
}
