/// What one origin offers to the others of some blobs that it has, and what follows from their answers. Pure.
package struct OfferPlan: Sendable, Hashable {
    private let placement: Placement
    private let digests: [BlobDigest]
    /// By host: the blobs that it is to have.
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

    /// - Parameter have: those of the blobs that were offered to the host which it has.
    package mutating func answered(_ host: String, _ have: Set<BlobDigest>) {
        for digest in have { holders[digest, default: []].insert(host) }
    }

    /// Blobs that some host that answers is to have and does not have.
    private func isMissing(_ digest: BlobDigest) -> Bool {
        let holders = holders[digest] ?? []
        return Self.targets(of: digest, placement).contains { placement.isUp($0) && !holders.contains($0) }
    }

    /// Blobs that all their owners have, and this origin need not have.
    package var released: [BlobDigest] {
        digests.filter { placement.mayLetGo($0, heldBy: holders[$0] ?? []) }
    }

    /// Blobs that are to be offered again.
    package var unfinished: [BlobDigest] {
        digests.filter { isMissing($0) || (!placement.keeps($0) && !placement.mayLetGo($0, heldBy: holders[$0] ?? [])) }
    }
}
