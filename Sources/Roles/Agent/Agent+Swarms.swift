import BlobNode
import Hashing
import Metainfo
import Registry
import RegistryClient
import Synchronization
import Threads

/// By whom this host's swarms are found, as its registry has it.
extension Agent {
    /// Takes over what the registry says, if this host's own files do not say more.
    func adopt(_ told: SwarmTerms) {
        let terms = ownSwarms.map { SwarmTerms($0.text, open: $0.open.patterns.isEmpty ? told.open : $0.open) } ?? told
        let isNew = swarms.withLock { known -> Bool in
            defer { known = terms }
            return known != terms
        }
        guard isNew else { return }
        // Where there is a secret that this host was not told, nobody finds what it has.
        let secret = terms.isClosed ? terms.secret ?? .random() : nil
        guard !terms.open.patterns.isEmpty else { return node.setDoors(SwarmDoors(secret: secret)) }
        let openBlobs = openBlobs
        node.setDoors(
            SwarmDoors(secret: secret) { digest in
                openBlobs.name(of: digest).map { terms.isOpen($0) } ?? false
            })
    }

    /// Asks the registry again whether it says something else.
    func followRegistry() async {
        if let cluster = try? await view.parts(now: Clocks.steadySeconds) { adopt(cluster.swarms) }
    }

    /// Whether the swarm of a blob of a NAME is that of any client, where others go by a secret.
    func isOpen(_ name: ContentName) -> Bool {
        let terms = swarms.withLock { $0 }
        return terms.isClosed && terms.isOpen(name)
    }

    /// A blob came, or was asked for, under a NAME.
    func note(_ digest: SHA256Digest, of name: ContentName) { if isOpen(name) { openBlobs.add(digest, name) } }

    func reaches(_ name: ContentName) -> Bool { swarms.withLock { $0.reaches(name) } }

    static let untold = RegistryError.refused(
        registry: "the registry", status: 403, code: "",
        message: "its swarms go by a secret that this host was not told: give the agent a token with --token-file")
}
