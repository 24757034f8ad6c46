import Hashing
import Metainfo

/// Content that a node serves on demand, at no cost before the first request: no memory, no timer, no announce. The
/// owner decides which content is available. A shelf of a million torrents works as well as one of ten.
package protocol Shelf: Sendable {
    /// Whether a torrent may be here. Called on the engine's loops for handshakes, so it must answer from memory.
    /// - Parameter hash: as a handshake has it: SHA-1 of the info dictionary, or the first 20 bytes of its SHA-256, or what a
    ///   swarm's secret makes of that.
    func mayHave(_ hash: SHA1Digest) -> Bool

    /// Whether a torrent that may be here is given to whoever names this hash. Asked before it is opened, at each time; may take a
    /// while.
    func admits(_ hash: SHA1Digest) async -> Bool

    /// The torrent and its content; nil if it is not available after all. Called on a worker thread, where it may
    /// block.
    func open(_ hash: SHA1Digest) throws -> ShelvedContent?

    /// The content of a torrent is not any more what it was when it was opened. Called on the engine's loops: it must not block.
    func hasChanged(_ hash: SHA1Digest)
}

extension Shelf {
    package func hasChanged(_ hash: SHA1Digest) {}
    package func admits(_ hash: SHA1Digest) async -> Bool { true }
}

/// One torrent of a ``Shelf``.
package struct ShelvedContent: Sendable {
    package let torrent: Torrent
    /// The file or directory that the torrent describes. It is served without being hashed first: the owner of the
    /// shelf is responsible for it, and receivers verify every piece.
    package let path: String
    /// That of the swarm which the hash was of; nil if the hash was the torrent's own.
    package let swarmSecret: SwarmSecret?
    /// Pieces that are wrong on the disk: no peer is offered or sent them.
    let missing: Set<Int>
    /// Released when no peer takes it any more; nil for nothing.
    let held: (any Sendable)?

    package init(
        torrent: Torrent, path: String, swarmSecret: SwarmSecret? = nil, missing: Set<Int> = [],
        holding held: (any Sendable)? = nil
    ) {
        self.torrent = torrent
        self.path = path
        self.swarmSecret = swarmSecret
        self.missing = missing
        self.held = held
    }
}

/// Limits on the open torrents of a shelf.
struct ShelfLimits: Sendable {
    /// Torrents of a process that have a peer, or had one a moment ago. More are refused until one rests again.
    var awake = 4_096
    /// Seconds without a connection after which a torrent is closed.
    var idle = 15.0
    /// Seconds for which a torrent may have connections and give nothing. A connection alone must not keep a blob in a cache.
    var untaken = 60.0
    /// Seconds between two checks for idle torrents.
    var look = 1.0
}

/// Which torrents of a shelf are awake on one loop: pure bookkeeping. Invariant: a torrent is opening or awake, never both.
struct AwakeTorrents<Waiting, Awake> {
    private(set) var opening: [SHA1Digest: [Waiting]] = [:]
    private(set) var awake: [SHA1Digest: Entry] = [:]
    let limits: ShelfLimits

    struct Entry {
        let torrent: Awake
        /// Since when it is not in use; nil while it is.
        fileprivate var idleSince: Double?
        /// Bytes that it has given, as far as was looked, and since when it is that many.
        fileprivate var given: (bytes: Int64, at: Double)
    }

    init(limits: ShelfLimits) { self.limits = limits }

    var count: Int { opening.count + awake.count }
    var isEmpty: Bool { opening.isEmpty && awake.isEmpty }

    enum Step: Equatable {
        /// Open the torrent; the caller waits for it.
        case open
        /// The torrent is being opened; the caller waits too.
        case wait
        /// Too many torrents are awake.
        case full
    }

    /// Somebody asks for a torrent that is not awake.
    /// - Parameter others: torrents that are awake on other loops.
    mutating func ask(_ hash: SHA1Digest, _ who: Waiting, others: Int = 0) -> Step {
        if opening[hash] != nil {
            opening[hash]?.append(who)
            return .wait
        }
        guard count + others < limits.awake else { return .full }
        opening[hash] = [who]
        return .open
    }

    /// The torrent was opened, or could not be.
    /// - Returns: the callers that waited for it.
    mutating func opened(_ hash: SHA1Digest, as torrent: Awake?, now: Double) -> [Waiting] {
        if let torrent { awake[hash] = Entry(torrent: torrent, idleSince: now, given: (-1, now)) }
        return opening.removeValue(forKey: hash) ?? []
    }

    /// Finds idle torrents.
    /// - Parameters:
    ///   - patience: seconds out of use after which a torrent is closed.
    ///   - given: the bytes that a torrent has given so far; nil for one without connections.
    /// - Returns: the torrents to close, which are removed here.
    mutating func rest(now: Double, patience: Double, given: (Awake) -> Int64?) -> [Awake] {
        var resting: [Awake] = []
        for (hash, entry) in awake {
            var entry = entry
            let bytes = given(entry.torrent)
            if let bytes, bytes != entry.given.bytes { entry.given = (bytes, now) }
            if bytes != nil, now - entry.given.at < limits.untaken {
                entry.idleSince = nil
            } else if now - (entry.idleSince ?? now) >= patience {
                resting.append(entry.torrent)
                awake[hash] = nil
                continue
            } else if entry.idleSince == nil {
                entry.idleSince = now
            }
            awake[hash] = entry
        }
        return resting
    }

    /// Removes a torrent that is awake; nil for one that is not.
    mutating func remove(_ hash: SHA1Digest) -> Awake? { awake.removeValue(forKey: hash)?.torrent }

    /// Removes and returns everything, at the end.
    mutating func removeAll() -> (waiting: [Waiting], awake: [Awake]) {
        defer { (opening, awake) = ([:], [:]) }
        return (opening.values.flatMap(\.self), awake.values.map(\.torrent))
    }
}
