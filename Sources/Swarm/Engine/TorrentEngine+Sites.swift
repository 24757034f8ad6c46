import Reactor
import SwarmCore

/// Which peers stand at our site.
extension TorrentEngine {
    /// Names decide where both sides have one, addresses otherwise.
    func isNear(_ connection: PeerConnection) -> Bool {
        if let ours = options.site, let theirs = connection.capabilities.site { return ours == theirs }
        guard let local = Socket.localAddress(of: connection.descriptor) else { return false }
        return Site.areNeighbours(local.host, connection.address.host)
    }
}
