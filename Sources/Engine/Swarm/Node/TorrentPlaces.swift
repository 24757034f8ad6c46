import Hashing
import Reactor
import Synchronization

/// Where the torrents of a process live: which loop each is pinned to, and its transfers. A new one is pinned to the loop with
/// the fewest. May be called from any thread; a call is a look-up or two.
///
/// Invariant: whoever pins a torrent that is pinned already, under any of its hashes, gets the same loop.
final class TorrentPlaces: Sendable {
    private struct State {
        var index = TransferIndex()
        var pinned = PinnedTorrents()
    }

    private let loops: [EventLoop]
    private let state: Mutex<State>

    /// - Parameter loops: one at least.
    init(loops: [EventLoop]) {
        self.loops = loops
        state = Mutex(State(pinned: PinnedTorrents(loops: loops.count)))
    }

    // MARK: Loops

    /// Pins a torrent to a loop for as long as somebody holds the answer.
    func pin(_ hashes: [SHA1Digest]) -> TorrentPin {
        let (torrent, loop) = state.withLock { $0.pinned.hold(hashes) }
        return TorrentPin(torrent, on: loops[loop], in: self)
    }

    /// The same of a torrent that somebody has pinned.
    func existingPin(_ hash: SHA1Digest) -> TorrentPin? {
        let found = state.withLock { $0.pinned.holdExisting(hash) }
        return found.map { TorrentPin($0.torrent, on: loops[$0.loop], in: self) }
    }

    fileprivate func letGo(_ torrent: PinnedTorrents.ID) { state.withLock { $0.pinned.letGo(torrent) } }

    /// Torrents on each loop.
    var loads: [Int] { state.withLock { $0.pinned.loads } }

    // MARK: Transfers

    /// - Parameter hashes: by which peers ask for it; more of them may be told later, as metadata becomes known.
    func add(_ transfer: Transfer, _ pin: TorrentPin, hashes: [SHA1Digest]) {
        state.withLock { state in
            state.index.add(transfer, hashes: hashes) { $0.isStopped }
            state.pinned.add(hashes, to: pin.torrent)
        }
    }

    /// Those that may be meant, in the order in which they were added.
    func transfers(of hash: SHA1Digest) -> [Transfer] { state.withLock { $0.index[hash] } }

    var transfers: [Transfer] { state.withLock { $0.index.all } }

    /// They are found no more.
    func removeTransfers() -> [Transfer] {
        state.withLock { state in
            defer { state.index = TransferIndex() }
            return state.index.all
        }
    }
}

/// A torrent's place on a loop. It is kept as long as somebody holds one: a transfer, a shelf where the torrent is awake, a
/// connection on its way to it.
final class TorrentPin: Sendable {
    let loop: EventLoop
    fileprivate let torrent: PinnedTorrents.ID
    private let places: TorrentPlaces

    fileprivate init(_ torrent: PinnedTorrents.ID, on loop: EventLoop, in places: TorrentPlaces) {
        self.torrent = torrent
        self.loop = loop
        self.places = places
    }

    deinit { places.letGo(torrent) }
}
