import BlobNode
import Hashing
import Metainfo
import Registry
import RegistryClient
import Synchronization
import Threads

/// How this host's swarms are found, as its registry says.
extension Agent {
    /// Adopts the registry's terms of swarms. The secret and the open names in this host's own files take precedence.
    func adopt(_ told: SwarmTerms) {
        let terms = ownSwarms.map { SwarmTerms($0.text, open: $0.open.patterns.isEmpty ? told.open : $0.open) } ?? told
        let isNew = swarms.withLock { known -> Bool in
            defer { known = terms }
            return known != terms
        }
        guard isNew else { return }
        // If the registry has a secret that this host was not told, a random one hides this host's swarms from
        // everybody.
        let secret = terms.isClosed ? terms.secret ?? .random() : nil
        guard !terms.open.patterns.isEmpty else { return node.setDoors(SwarmDoors(secret: secret)) }
        let openBlobs = openBlobs
        node.setDoors(
            SwarmDoors(secret: secret) { digest in
                openBlobs.name(of: digest).map { terms.isOpen($0) } ?? false
            })
    }

    /// Reads the registry's terms of swarms again, and adopts them if they have changed.
    func followRegistry() async {
        if let cluster = try? await view.parts(now: Clocks.steadySeconds) { adopt(cluster.swarms) }
    }

    /// Whether swarms need a secret, but those of blobs under this NAME are open to any client.
    func isOpen(_ name: ContentName) -> Bool {
        let terms = swarms.withLock { $0 }
        return terms.isClosed && terms.isOpen(name)
    }

    /// Remembers that a blob came, or was requested, under a NAME, if that is open to any client.
    func note(_ digest: SHA256Digest, of name: ContentName) { if isOpen(name) { openBlobs.add(digest, name) } }

    func reaches(_ name: ContentName) -> Bool { swarms.withLock { $0.reaches(name) } }

    static let untold = RegistryError.refused(
        registry: "the registry", status: 403, code: "",
        message: "its swarms go by a secret that this host was not told: give the agent a token with --token-file")
}
