import Hashing
import Swarm

/// Transfers of blobs that are whole, which go on giving to the peers that they have, the oldest first.
struct GivenTransfers {
    struct Entry {
        let digest: SHA256Digest
        let transfer: Transfer
    }

    private(set) var all: [Entry] = []
    private static let most = 64

    var digests: Set<SHA256Digest> { Set(all.map(\.digest)) }

    /// - Returns: the one that has to end for it.
    mutating func add(_ digest: SHA256Digest, _ transfer: Transfer) -> Entry? {
        all.append(Entry(digest: digest, transfer: transfer))
        return all.count > Self.most ? all.removeFirst() : nil
    }

    mutating func remove(_ digest: SHA256Digest) -> Entry? {
        all.firstIndex { $0.digest == digest }.map { all.remove(at: $0) }
    }

    mutating func removeAll() -> [Transfer] {
        defer { all = [] }
        return all.map(\.transfer)
    }
}
