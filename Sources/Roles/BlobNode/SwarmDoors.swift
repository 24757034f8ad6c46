import Hashing
import Metainfo
import Swarm
import Synchronization
import Threads

/// Which clients can find the swarms of a host's blobs.
package struct SwarmDoors: Sendable {
    /// The secret from which swarm hashes are made; nil where all swarms are open to any client.
    package let secret: SwarmSecret?
    /// Whether a blob also has an open swarm, by the torrent's own info hash. It is separate from the swarm of the clients
    /// that know the secret. Nil where no blob has one.
    let isOpen: (@Sendable (SHA256Digest) async -> Bool)?

    package init(secret: SwarmSecret?, isOpen: (@Sendable (SHA256Digest) async -> Bool)? = nil) {
        self.secret = secret
        self.isOpen = isOpen
    }

    /// No secret: all swarms are open to any client.
    package static let open = SwarmDoors(secret: nil)
}

extension BlobNode {
    package var doors: SwarmDoors { swarmDoors.withLock { $0 } }

    /// Replaces the rules. Transfers that are under way keep the rules with which they began.
    package func setDoors(_ doors: SwarmDoors) {
        isLoaded.withLock { isLoaded in
            swarmDoors.withLock { $0 = doors }
            if isLoaded { catalogue.setSecret(doors.secret) }
        }
    }

    /// Gives the catalogue, which has been loaded from the directory, the secret. All swarm hashes are made at once; each
    /// costs one hash computation.
    func setLoaded() {
        isLoaded.withLock { isLoaded in
            isLoaded = true
            catalogue.setSecret(doors.secret)
        }
    }

    /// Whether any client may have a blob, where other swarms go by a secret.
    package func isOpen(_ digest: SHA256Digest) async -> Bool {
        let doors = doors
        guard doors.secret != nil, let isOpen = doors.isOpen else { return false }
        return await isOpen(digest)
    }

    /// For a transfer of a blob, or an announce.
    /// - Parameter isOpen: whether its swarm is that of any client, whatever secret there is.
    package func options(of digest: SHA256Digest, isOpen: Bool) -> TransferOptions {
        var options = options.forBlob(digest)
        options.trackerSecret = doors.secret
        options.swarmSecret = isOpen ? nil : doors.secret
        return options
    }

    /// Announces a complete blob to trackers: in the swarm of the clients that know the secret, and in the open swarm where
    /// the blob has one.
    /// - Returns: seconds until the next announce; nil if no tracker answered.
    package func announce(_ torrent: Torrent, of digest: SHA256Digest) async -> Double? {
        let doors = doors
        var answered = await swarm.announce(torrent, options: options(of: digest, isOpen: false))
        if doors.secret != nil, let isOpen = doors.isOpen, await isOpen(digest) {
            let other = await swarm.announce(torrent, options: options(of: digest, isOpen: true))
            answered = [answered, other].compactMap(\.self).min()
        }
        return answered
    }

    /// Ends whatever gives a blob to peers, as its right pieces are others now or it has left: peers that come back find it as it is.
    package func endGiving(_ digest: SHA256Digest) async {
        for giver in givers.withLock({ $0 }) { await giver(digest) }
        await closeShelved(digest)
    }

    /// The file of a blob is another one than the engine opened: peers that come back find it as it is.
    func closeShelved(_ digest: SHA256Digest) async {
        guard let hash = catalogue.entryOfAny(digest)?.infoHash else { return }
        await swarm.closeShelved(hash)
        if let secret = doors.secret { await swarm.closeShelved(secret.wireHash(of: hash)) }
    }
}

/// The node's blobs, as the engine looks them up to serve them.
struct ServedBlobs: Shelf {
    let node: BlobNode

    func mayHave(_ hash: SHA1Digest) -> Bool {
        guard let found = node.catalogue.swarm(of: hash) else { return false }
        let doors = node.doors
        return found.secret == doors.secret || doors.isOpen != nil
    }

    func admits(_ hash: SHA1Digest) async -> Bool {
        guard let found = node.catalogue.swarm(of: hash) else { return false }
        let doors = node.doors
        if found.secret == doors.secret { return true }
        return found.secret == nil ? await doors.isOpen?(found.digest) ?? false : false
    }

    func hasChanged(_ hash: SHA1Digest) {
        if let digest = node.catalogue.swarm(of: hash)?.digest { node.hasChanged(digest) }
    }

    func open(_ hash: SHA1Digest) throws -> ShelvedContent? {
        guard let (digest, secret) = node.catalogue.swarm(of: hash), let info = try node.info(of: digest),
            let (_, lease) = node.catalogue.lease(digest, at: Clocks.wallSeconds)
        else { return nil }
        return ShelvedContent(
            torrent: Torrent(info: info.info), path: node.directory.path(of: digest), swarmSecret: secret,
            missing: node.catalogue.badPieces(of: digest), holding: lease)
    }
}
