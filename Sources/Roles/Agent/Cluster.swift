// Agent: pulls content for a host, and serves it to other hosts.
//
// Purpose: finds the parts of a registry, resolves names there, fetches each blob from the swarm once for the whole
// host, and hands blobs to the host's programs. Must never: trust the bytes of a blob before it has compared them with
// the digest.

import Address
import JSON
import Registry
import Text

/// The parts of a registry, as any of them lists them (`GET /v1/cluster`).
package struct Cluster: Sendable, Hashable {
    package struct Origin: Sendable, Hashable {
        package let url: HTTPURL
        /// The address of the origin's engine.
        package let peers: PeerAddress?
        /// The name by which origins rank each other as owners; nil for a single origin.
        package let host: String?

        fileprivate var rankName: String { host ?? url.text }
    }

    package let origins: [Origin]
    package let indexes: [HTTPURL]
    /// Announce URLs.
    package private(set) var trackers: [String]
    /// How swarms are found.
    package let swarms: SwarmTerms

    /// Most entries of each of the lists.
    private static let most = 1_000
    /// Origins that own each blob: the origins' setting `hashring.max_replica`.
    package let replicas: Int
    /// Its default, for origins that do not say.
    private static let usualReplicas = 3

    /// Nil for a malformed list, and for one without an index.
    package init?(_ value: JSONValue) {
        guard let origins = value["origins"]?.arrayValue, let indexes = value["indexes"]?.arrayValue,
            let trackers = value["trackers"]?.arrayValue,
            max(origins.count, indexes.count, trackers.count) <= Self.most
        else { return nil }
        self.origins = origins.compactMap { origin in
            guard let url = origin["url"]?.stringValue.flatMap({ HTTPURL($0) }) else { return nil }
            return Origin(
                url: url, peers: origin["peers"]?.stringValue.flatMap { PeerAddress($0) },
                host: origin["host"]?.stringValue)
        }
        self.indexes = indexes.compactMap { $0.stringValue.flatMap { HTTPURL($0) } }
        self.trackers = trackers.compactMap(\.stringValue).filter { HTTPURL($0) != nil }
        guard !self.indexes.isEmpty else { return nil }
        if case .integer(let replicas)? = value["replicas"] {
            self.replicas = Int(min(max(1, replicas), Int64(Self.most)))
        } else {
            replicas = Self.usualReplicas
        }
        swarms = SwarmTerms(json: value["swarms"]) ?? .anyClient
    }

    /// A copy with other trackers; nil leaves the trackers as they are.
    func with(trackers: [String]?) -> Cluster {
        var cluster = self
        if let trackers { cluster.trackers = trackers }
        return cluster
    }

    /// The list without how swarms are found, and so without their secret.
    package var json: JSONValue { .object(members) }

    /// The list with the swarms' secret, to be kept for this host's next run. Write it only to a file that nobody else
    /// can read.
    package var kept: JSONValue {
        var members = members
        members["swarms"] = swarms.json(tellsSecret: true)
        return .object(members)
    }

    private var members: JSONObject {
        [
            "origins": .array(
                origins.map { origin in
                    var object: JSONObject = [
                        "url": .string(origin.url.text), "peers": .string(origin.peers.map { "\($0)" } ?? ""),
                    ]
                    if let host = origin.host { object["host"] = .string(host) }
                    return .object(object)
                }),
            "indexes": .array(indexes.map { .string($0.text) }), "trackers": .array(trackers.map { .string($0) }),
            "replicas": .integer(Int64(replicas)),
        ]
    }

    /// The origins that own a blob, the first in rank first.
    package func owners(of digest: BlobDigest) -> [Origin] {
        let byName = Dictionary(origins.map { ($0.rankName, $0) }) { first, _ in first }
        return Rendezvous.owners(of: digest, among: Array(byName.keys), count: replicas).compactMap { byName[$0] }
    }
}
