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
