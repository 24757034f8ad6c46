/// Which origins keep which blob, as one origin sees it at one moment. Pure. Origins with the same list and the same view of
/// each other's health agree without talking.
package struct Placement: Sendable, Hashable {
    /// All origins, each once.
    package let hosts: [String]
    /// This origin; nil if it is not in the list.
    package let own: String?
    /// The number of origins that are to keep each blob; 1 or more.
    package let replicas: Int
    /// Hosts that do not answer; `gone` holds those of them whose blobs the next hosts in rank have taken over.
    package let down: Set<String>
    package let gone: Set<String>

    /// The durable copies that a push needs to succeed, if so many owners are up.
    private static let safe = 2

    package init(
        hosts: [String], own: String?, replicas: Int = 3, down: Set<String> = [], gone: Set<String> = []
    ) {
        self.hosts = Set(hosts).sorted()
        self.own = own
        self.replicas = max(1, replicas)
        // This origin is up by its own view.
        self.down = down.filter { $0 != own }
        self.gone = gone.intersection(self.down)
    }

    package func isUp(_ host: String) -> Bool { !down.contains(host) }

    /// All hosts by rank for a blob, first in rank first.
    package func ranked(_ digest: BlobDigest) -> [String] { Rendezvous.order(hosts, for: digest.sha256.bytes) }

    package func owners(of digest: BlobDigest) -> [String] { Array(ranked(digest).prefix(replicas)) }

    /// The hosts that take a push of a blob: its owners that are up, first in rank first. If none is up, the first host in
    /// rank that is.
    package func takers(of digest: BlobDigest) -> [String] {
        let ranked = ranked(digest)
        let owners = ranked.prefix(replicas).filter { isUp($0) }
        return owners.isEmpty ? Array(ranked.filter { isUp($0) }.prefix(1)) : owners
    }

    /// The hosts that are to keep a blob now: its owners, with the next hosts in rank in place of owners that are gone.
    package func keepers(of digest: BlobDigest) -> [String] {
        Array(ranked(digest).filter { !gone.contains($0) }.prefix(replicas))
    }

    /// The hosts that may upload a blob to agents: its owners, and the hosts in place of owners that are gone. First in rank
    /// first.
    package func givers(of digest: BlobDigest) -> [String] {
        let keepers = Set(keepers(of: digest))
        return ranked(digest).enumerated().filter { $0.offset < replicas || keepers.contains($0.element) }.map(
            \.element)
    }

    /// Whether this origin is to keep a blob.
    package func keeps(_ digest: BlobDigest) -> Bool { own.map { keepers(of: digest).contains($0) } ?? false }

    /// This origin's rank among the owners of a blob, from 1; nil if it is not an owner.
    package func rank(for digest: BlobDigest) -> Int? {
        guard let own, let index = owners(of: digest).firstIndex(of: own) else { return nil }
        return index + 1
    }

    /// Whether a push has succeeded once `hosts` have stored the blob durably.
    package func isSafe(_ digest: BlobDigest, at hosts: Set<String>) -> Bool {
        let takers = takers(of: digest)
        let counted = hosts.intersection(takers).union(hosts.intersection(owners(of: digest)))
        return counted.count >= max(1, min(Self.safe, takers.count))
    }

    /// Whether this origin may remove a blob: it is not to keep it, and all owners are among `hosts`, which have it.
    package func mayLetGo(_ digest: BlobDigest, heldBy hosts: Set<String>) -> Bool {
        let owners = owners(of: digest)
        return !owners.isEmpty && !keeps(digest) && hosts.isSuperset(of: owners)
    }

    /// The hosts to ask for a blob that this origin lacks: its owners that are up, then all other hosts that are up.
    package func sources(of digest: BlobDigest) -> [String] { ranked(digest).filter { $0 != own && isUp($0) } }

    /// The next host to which this origin passes the bytes of a push while they arrive; nil if there is none.
    /// - Parameters:
    ///   - digest: nil while it is not known. The host can then be chosen only where every host owns every blob.
    ///   - seed: spreads pushes of unknown digest over the hosts.
    ///   - tried: hosts that are left out: they have the blob already, or the push came through them.
    package func next(_ digest: BlobDigest?, seed: [UInt8], without tried: Set<String>) -> String? {
        let excluded = tried.union(own.map { [$0] } ?? [])
        if let digest { return takers(of: digest).first { !excluded.contains($0) } }
        guard hosts.count <= replicas else { return nil }
        return Rendezvous.order(hosts, for: seed).first { isUp($0) && !excluded.contains($0) }
    }
}
