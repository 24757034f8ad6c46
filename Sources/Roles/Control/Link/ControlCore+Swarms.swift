import Fleet
import FleetLink
import Hashing
import Metainfo
import Text

extension ControlCore {
    /// What a tracker that was enrolled serves: the swarms of jobs that are open.
    package func swarms(for node: LinkCaller) async throws(LinkRefusal) -> SwarmList {
        let role = roster.withLock { $0[node.node]?.record.labels[SwarmList.role.key] }
        guard role == SwarmList.role.value else {
            throw LinkRefusal(
                403, "no_tracker", "this node is no tracker",
                advice: "label it: swoop fleet node label \(node.node) \(SwarmList.role.key)=\(SwarmList.role.value)")
        }
        let facts = jobs.withLock { Array($0.facts.values) }
        var swarms: [SHA1Digest] = []
        var keys: [SHA1Digest: Secret] = [:]
        for facts in facts where swarms.count < SwarmList.most {
            let own = Self.swarms(of: facts.record.content, secret: facts.secret)
            swarms += own.prefix(SwarmList.most - swarms.count)
            // Whoever has the torrent may take part in an open job.
            guard facts.secret != nil, !facts.ticketKey.isEmpty else { continue }
            for swarm in own { keys[swarm] = Secret(Hexadecimal.encode(facts.ticketKey)) }
        }
        return SwarmList(swarms: swarms, keys: keys)
    }

    /// The 20 bytes by which content goes among its peers: with a secret one hash, else those of the torrent.
    package static func swarms(of content: JobContent?, secret: Secret?) -> [SHA1Digest] {
        // A v2 hash is cut to 20 bytes on the wire; the v1 hash stands for a hybrid torrent.
        let hashes = (content?.infoHashes ?? []).sorted { $0.utf8.count < $1.utf8.count }
            .compactMap { SHA1Digest(hex: $0.prefix(40)) }
        guard let secret, let primary = hashes.first else { return hashes }
        guard let key = Hexadecimal.decode(secret.value, byteCount: secret.value.utf8.count / 2) else { return [] }
        return [SwarmSecret(bytes: key).wireHash(of: primary)]
    }
}
