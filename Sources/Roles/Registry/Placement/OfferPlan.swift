/// One round of offers: an origin offers some of its blobs to the origins that are to keep them. From the answers follows
/// which blobs must be offered again, and which this origin may remove. Pure.
package struct OfferPlan: Sendable, Hashable {
    private let placement: Placement
    private let digests: [BlobDigest]
    /// For each host, the blobs that it is to keep and that are offered to it.
    package private(set) var offers: [String: [BlobDigest]] = [:]
    private var holders: [BlobDigest: Set<String>] = [:]

    package init(_ digests: [BlobDigest], _ placement: Placement) {
        self.digests = digests
        self.placement = placement
        for digest in digests {
            for host in Self.targets(of: digest, placement) where placement.isUp(host) {
                offers[host, default: []].append(digest)
            }
        }
    }

    private static func targets(of digest: BlobDigest, _ placement: Placement) -> [String] {
        placement.keepers(of: digest).filter { $0 != placement.own }
    }

    /// Records a host's answer to its offer.
    /// - Parameter have: the offered blobs that the host has.
    package mutating func answered(_ host: String, _ have: Set<BlobDigest>) {
        for digest in have { holders[digest, default: []].insert(host) }
    }

    /// Whether a host that is up is to keep the blob and does not have it.
    private func isMissing(_ digest: BlobDigest) -> Bool {
        let holders = holders[digest] ?? []
        return Self.targets(of: digest, placement).contains { placement.isUp($0) && !holders.contains($0) }
    }

    /// Blobs that this origin may remove: all their owners have them, and this origin is not to keep them.
    package var released: [BlobDigest] {
        digests.filter { placement.mayLetGo($0, heldBy: holders[$0] ?? []) }
    }

    /// Blobs that must be offered again: a keeper lacks them, or this origin is not to keep them and may not remove them
    /// yet.
    package var unfinished: [BlobDigest] {
        digests.filter { isMissing($0) || (!placement.keeps($0) && !placement.mayLetGo($0, heldBy: holders[$0] ?? [])) }
    }
}
