import Fleet
import FleetLink
import Hashing
import Metainfo
import Text

extension ControlCore {
    /// The swarms of open jobs, for a node that is a tracker.
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

    /// The 20-byte info hashes under which the content's peers announce: one keyed hash if there is a secret, else the
    /// hashes of the torrent.
    package static func swarms(of content: JobContent?, secret: Secret?) -> [SHA1Digest] {
        // A v2 info hash is truncated to 20 bytes (BEP 52). A hybrid torrent is identified by its v1 hash.
        let hashes = (content?.infoHashes ?? []).sorted { $0.utf8.count < $1.utf8.count }
            .compactMap { SHA1Digest(hex: $0.prefix(40)) }
        guard let secret, let primary = hashes.first else { return hashes }
        guard let key = Hexadecimal.decode(secret.value, byteCount: secret.value.utf8.count / 2) else { return [] }
        return [SwarmSecret(bytes: key).wireHash(of: primary)]
    }
}
