/// Who keeps which blob, at one moment, as one origin sees it. Pure. Origins that see the same agree without a word.
package struct Placement: Sendable, Hashable {
    /// All origins, each once.
    package let hosts: [String]
    /// The origin that looks; nil for one that is not in the list.
    package let own: String?
    /// Origins that are to keep each blob.
    package let replicas: Int
    /// Hosts that do not answer, and those of them that are replaced.
    package let down: Set<String>
    package let gone: Set<String>

    /// Copies that are durable before a push is told that it succeeded, if so many owners are up.
    private static let safe = 2

    package init(
        hosts: [String], own: String?, replicas: Int = 3, down: Set<String> = [], gone: Set<String> = []
    ) {
        self.hosts = Set(hosts).sorted()
        self.own = own
        self.replicas = max(1, replicas)
        // Whoever looks is there.
        self.down = down.filter { $0 != own }
        self.gone = gone.intersection(self.down)
    }

    package func isUp(_ host: String) -> Bool { !down.contains(host) }

    /// All hosts, the first in rank first.
    package func ranked(_ digest: BlobDigest) -> [String] { Rendezvous.order(hosts, for: digest.sha256.bytes) }

    package func owners(of digest: BlobDigest) -> [String] { Array(ranked(digest).prefix(replicas)) }

    /// Owners that answer, the first in rank first. If there is none, the first in rank that answers stands in for them.
    package func takers(of digest: BlobDigest) -> [String] {
        let ranked = ranked(digest)
        let owners = ranked.prefix(replicas).filter { isUp($0) }
        return owners.isEmpty ? Array(ranked.filter { isUp($0) }.prefix(1)) : owners
    }

    /// Hosts that are to have a blob now: for each owner that is gone, the next in rank.
    package func keepers(of digest: BlobDigest) -> [String] {
        Array(ranked(digest).filter { !gone.contains($0) }.prefix(replicas))
    }

    /// Hosts that may give agents a blob: its owners, and those that stand in for owners that are gone. The first in rank first.
    package func givers(of digest: BlobDigest) -> [String] {
        let keepers = Set(keepers(of: digest))
        return ranked(digest).enumerated().filter { $0.offset < replicas || keepers.contains($0.element) }.map(
            \.element)
    }

    /// Whether this origin is to have a blob.
    package func keeps(_ digest: BlobDigest) -> Bool { own.map { keepers(of: digest).contains($0) } ?? false }

    /// This origin's rank among the owners of a blob, from 1; nil if it is none.
    package func rank(for digest: BlobDigest) -> Int? {
        guard let own, let index = owners(of: digest).firstIndex(of: own) else { return nil }
        return index + 1
    }

    /// Whether a push of a blob that these hosts have durably succeeded.
    package func isSafe(_ digest: BlobDigest, at hosts: Set<String>) -> Bool {
        let takers = takers(of: digest)
        let counted = hosts.intersection(takers).union(hosts.intersection(owners(of: digest)))
        return counted.count >= max(1, min(Self.safe, takers.count))
    }

    /// Whether this origin may remove a blob that these other hosts have: it is not to have it, and all owners do.
    package func mayLetGo(_ digest: BlobDigest, heldBy hosts: Set<String>) -> Bool {
        let owners = owners(of: digest)
        return !owners.isEmpty && !keeps(digest) && hosts.isSuperset(of: owners)
    }

    /// Whom to ask for a blob that is not here: owners that answer, then whoever else does.
    package func sources(of digest: BlobDigest) -> [String] { ranked(digest).filter { $0 != own && isUp($0) } }

    /// The host besides this one that is to take a push as it comes.
    /// - Parameters:
    ///   - digest: nil while it is not known. Where every host owns every blob it need not be.
    ///   - seed: spreads pushes of unknown digest over the hosts.
    ///   - tried: hosts that have it already or are on its way.
    package func next(_ digest: BlobDigest?, seed: [UInt8], without tried: Set<String>) -> String? {
        let excluded = tried.union(own.map { [$0] } ?? [])
        if let digest { return takers(of: digest).first { !excluded.contains($0) } }
        guard hosts.count <= replicas else { return nil }
        return Rendezvous.order(hosts, for: seed).first { isUp($0) && !excluded.contains($0) }
    }
}
