// Agent: a host that pulls, and gives what it pulled.
//
// Purpose: finds the parts of a registry, resolves names there, fetches blobs from the swarm once for the whole host, and hands
// them out. Must never: take what a registry says of a blob for proof: all bytes are held against their digest.

import Address
import JSON
import Registry
import Text

/// The parts of a registry, as one of them lists them (`GET /v1/cluster`).
package struct Cluster: Sendable, Hashable {
    package struct Origin: Sendable, Hashable {
        package let url: HTTPURL
        /// Where its engine listens.
        package let peers: PeerAddress?
        /// By which origins rank each other; nil for one that is alone.
        package let host: String?

        fileprivate var rankName: String { host ?? url.text }
    }

    package let origins: [Origin]
    package let indexes: [HTTPURL]
    /// Announce URLs.
    package private(set) var trackers: [String]
    /// How swarms are found.
    package let swarms: SwarmTerms

    /// Origins, indexes and trackers, at most each.
    private static let most = 1_000
    /// Origins that keep each blob.
    private static let replicas = 3

    /// Nil for what is no such list.
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
        swarms = SwarmTerms(json: value["swarms"]) ?? .anyClient
    }

    /// The same with other trackers; nil for its own.
    func with(trackers: [String]?) -> Cluster {
        var cluster = self
        if let trackers { cluster.trackers = trackers }
        return cluster
    }

    /// Without a secret.
    package var json: JSONValue { .object(members) }

    /// For the next run of this host, with the secret: for a file that is its owner's alone.
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
        ]
    }

    /// The origins that are to keep a blob, the first in rank first.
    package func owners(of digest: BlobDigest) -> [Origin] {
        let byName = Dictionary(origins.map { ($0.rankName, $0) }) { first, _ in first }
        return Rendezvous.owners(of: digest, among: Array(byName.keys), count: Self.replicas).compactMap { byName[$0] }
    }
}
