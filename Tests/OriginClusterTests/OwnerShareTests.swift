import Hashing
import OriginCluster
import Registry
import SwarmCore
import TestSupport
import Testing

@Suite struct `Pieces that each origin gives first` {
    private let hosts = (0..<5).map { "10.0.0.\($0):15002" }
    private let digest = BlobDigest(SHA256.digest([7]))

    private func placement(_ own: String, down: Set<String> = [], gone: Set<String> = []) -> Placement {
        Placement(hosts: hosts, own: own, replicas: 3, down: down, gone: gone)
    }

    @Test func `are shared by the owners that are up and have the blob, in their rank`() {
        let owners = placement(hosts[0]).owners(of: digest)
        for (index, host) in owners.enumerated() {
            let all = OwnerShares.share(of: digest, placement(host), holders: Set(owners).subtracting([host]))
            #expect(all == OwnerShare(index: index, of: 3))
            // Before anything is known, all owners count.
            #expect(OwnerShares.share(of: digest, placement(host), holders: nil) == OwnerShare(index: index, of: 3))
        }
        // One is being copied to yet.
        #expect(
            OwnerShares.share(of: digest, placement(owners[2]), holders: [owners[0]]) == OwnerShare(index: 1, of: 2))
        #expect(
            OwnerShares.share(of: digest, placement(owners[0], down: [owners[1]]), holders: Set(owners))
                == OwnerShare(index: 0, of: 2))
    }

    @Test func `of an owner that is gone are given by the host that stands in for it`() {
        let ranked = placement(hosts[0]).ranked(digest)
        let (gone, standIn) = (ranked[0], ranked[3])
        let share = OwnerShares.share(
            of: digest, placement(standIn, down: [gone], gone: [gone]), holders: Set(ranked))
        #expect(share == OwnerShare(index: 2, of: 3))
    }

    @Test func `are few of an origin that has the blob only for a while`() {
        let ranked = placement(hosts[0]).ranked(digest)
        let share = OwnerShares.share(of: digest, placement(ranked[4]), holders: Set(ranked.prefix(3)))
        #expect(share == OwnerShare(index: 3, of: 4))
    }
}
