import Hashing
import Swarm

/// Transfers of complete blobs, which go on uploading to their peers. Oldest first.
struct GivenTransfers {
    struct Entry {
        let digest: SHA256Digest
        let transfer: Transfer
    }

    private(set) var all: [Entry] = []
    private static let most = 64

    var digests: Set<SHA256Digest> { Set(all.map(\.digest)) }

    /// - Returns: the oldest transfer, if it must end because there are too many.
    mutating func add(_ digest: SHA256Digest, _ transfer: Transfer) -> Entry? {
        all.append(Entry(digest: digest, transfer: transfer))
        return all.count > Self.most ? all.removeFirst() : nil
    }

    mutating func remove(_ digest: SHA256Digest) -> Entry? {
        all.firstIndex { $0.digest == digest }.map { all.remove(at: $0) }
    }

    mutating func removeAll() -> [Entry] {
        defer { all = [] }
        return all
    }
}
