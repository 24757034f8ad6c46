import Metainfo

/// When written pieces are made durable: at whichever limit is reached first.
package struct SyncPolicy: Sendable, Equatable {
    /// Seconds after the first piece that is not durable yet.
    package var interval: Double
    /// Bytes that are not durable yet.
    package var bytes: Int

    package init(interval: Double = 5, bytes: Int = 256 << 20) {
        self.interval = interval
        self.bytes = bytes
    }
}

/// Knows which pieces a record may vouch for. Decides only: the caller syncs, and tells how that went.
///
///     ledger.wrote(piece, bytes: n, at: now)
///     if ledger.isSyncDue(at: now) { ledger.beginSync(); /* on a disk thread: */ files.synchronize() }
///     ledger.syncSucceeded()  // now `ledger.durable` may be recorded
package struct DurabilityLedger: Sendable {
    package let policy: SyncPolicy
    /// Pieces that survive a power loss.
    package private(set) var durable: PieceSet
    /// Written since the last sync began.
    private var dirty: PieceSet
    private var dirtyBytes = 0
    private var dirtySince: Double?
    /// Written before the sync that is under way.
    private var syncing: PieceSet?

    /// - Parameter durable: what the check at the start found to be right.
    package init(durable: PieceSet, policy: SyncPolicy = SyncPolicy()) {
        self.durable = durable
        self.policy = policy
        dirty = PieceSet(size: durable.size)
    }

    /// A piece was written completely, though perhaps not to the disk yet.
    /// - Parameter now: seconds since any fixed moment.
    package mutating func wrote(_ piece: PieceIndex, bytes: Int, at now: Double) {
        dirty.insert(piece)
        dirtyBytes &+= max(0, bytes)
        if dirtySince == nil { dirtySince = now }
    }

    /// The pieces are not correct after all: no record may vouch for them any more.
    package mutating func lost(_ pieces: Range<Int>) {
        for piece in pieces {
            durable.remove(piece)
            dirty.remove(piece)
            syncing?.remove(piece)
        }
    }

    /// Whether there is written data that no sync covers yet.
    package var isDirty: Bool { !dirty.isEmpty }

    /// When the next sync is due, in the caller's seconds; nil while nothing is waiting or a sync is in progress.
    package var nextSync: Double? {
        guard let dirtySince, syncing == nil else { return nil }
        return dirtyBytes >= policy.bytes ? dirtySince : dirtySince + policy.interval
    }

    package func isSyncDue(at now: Double) -> Bool { nextSync.map { now >= $0 } ?? false }

    /// The caller now syncs. Answers the set that a record may hold once that succeeded; nil when nothing is waiting or
    /// a sync is under way.
    package mutating func beginSync() -> PieceSet? {
        guard syncing == nil, !dirty.isEmpty else { return nil }
        let batch = dirty
        syncing = batch
        dirty = PieceSet(size: durable.size)
        dirtyBytes = 0
        dirtySince = nil
        return durable.union(batch)
    }

    package mutating func syncSucceeded() {
        guard let batch = syncing else { return }
        durable.formUnion(batch)
        syncing = nil
    }

    /// The sync could not begin, for lack of a descriptor: the pieces wait again.
    /// - Parameter now: as in ``wrote(_:bytes:at:)``.
    package mutating func syncPostponed(at now: Double) {
        guard let batch = syncing else { return }
        dirty.formUnion(batch)
        syncing = nil
        if dirtySince == nil { dirtySince = now }
    }

    /// After a failed sync the kernel may have dropped what it could not write. Answers the pieces that have to be
    /// checked or fetched again: all that were not durable.
    package mutating func syncFailed() -> PieceSet {
        let lost = (syncing ?? PieceSet(size: durable.size)).union(dirty).subtracting(durable)
        syncing = nil
        dirty = PieceSet(size: durable.size)
        dirtyBytes = 0
        dirtySince = nil
        return lost
    }
}
