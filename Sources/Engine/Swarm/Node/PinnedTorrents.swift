import Hashing

/// Which loop each torrent is pinned to, and how many hold it there: pure bookkeeping.
///
/// Invariant: a torrent is here as long as somebody holds it, and counts for its loop exactly that long.
struct PinnedTorrents {
    typealias ID = UInt64

    private struct Torrent {
        let loop: Int
        var holders = 1
        var hashes: [SHA1Digest] = []
    }

    private var torrents: [ID: Torrent] = [:]
    private var byHash: [SHA1Digest: ID] = [:]
    private var lastID: ID = 0
    /// Torrents on each loop.
    private(set) var loads: [Int]

    /// - Parameter loops: how many there are, one at least.
    init(loops: Int = 1) { loads = Array(repeating: 0, count: max(1, loops)) }

    /// One more holds the torrent with these hashes; if nobody has so far, it goes to the loop with the fewest.
    mutating func hold(_ hashes: [SHA1Digest]) -> (torrent: ID, loop: Int) {
        for hash in hashes { if let found = holdExisting(hash) { return found } }
        let loop = loads.indices.min { loads[$0] < loads[$1] } ?? 0
        loads[loop] += 1
        lastID += 1
        torrents[lastID] = Torrent(loop: loop)
        add(hashes, to: lastID)
        return (lastID, loop)
    }

    /// The same where somebody has it pinned.
    mutating func holdExisting(_ hash: SHA1Digest) -> (torrent: ID, loop: Int)? {
        guard let id = byHash[hash], let torrent = torrents[id] else { return nil }
        torrents[id]?.holders += 1
        return (id, torrent.loop)
    }

    /// It has these hashes too, where no other torrent has them.
    mutating func add(_ hashes: [SHA1Digest], to id: ID) {
        guard torrents[id] != nil else { return }
        for hash in hashes where byHash[hash] == nil {
            byHash[hash] = id
            torrents[id]?.hashes.append(hash)
        }
    }

    mutating func letGo(_ id: ID) {
        guard let torrent = torrents[id] else { return }
        guard torrent.holders == 1 else {
            torrents[id]?.holders -= 1
            return
        }
        torrents[id] = nil
        loads[torrent.loop] -= 1
        for hash in torrent.hashes { byHash[hash] = nil }
    }
}
