import Address
import Storage

/// Changes of a transfer's sources while it runs. Before it runs, changes are queued.
extension Transfer {
    // MARK: Sources

    /// Changes a source's share, pauses or resumes it, and sets its limit: bytes per second, nil for no limit.
    /// Outstanding requests outside the new share are sent to other sources; pausing does not count as a failure. An
    /// unknown id is ignored.
    package func setSource(_ id: String, files: Set<Int>, isActive: Bool, rateLimit: Int?) {
        change { $0.setSource(id, files: files, isActive: isActive, rateLimit: .some(rateLimit)) }
    }

    /// Pauses or resumes a source.
    package func setSource(_ id: String, isActive: Bool) {
        change { $0.setSource(id, files: nil, isActive: isActive, rateLimit: nil) }
    }

    /// Adds a source. It replaces another source with the same id.
    package func addSource(_ plan: RangeSourcePlan) { change { $0.addSource(plan) } }

    /// Removes a source. Its credit is kept.
    package func removeSource(_ id: String) { change { $0.removeSource(id) } }

    /// Sets whether pieces are requested from peers. Peers are served in any case, see ``setSeeding(_:)``.
    package func setPeersActive(_ isActive: Bool) { change { $0.setPeersActive(isActive) } }

    /// Leaves files to other sources: peers are not asked for what is in these alone.
    package func reserve(files: Set<Int>) { change { $0.reserve(files) } }

    /// Sets whether peers are served. If they are neither served nor asked for pieces, connections are closed and
    /// trackers get `stopped`, until that changes.
    package func setSeeding(_ isSeeding: Bool) { change { $0.setSeeding(isSeeding) } }

    /// Changes ``TransferOptions/outsideLimit``.
    package func setOutsideLimit(_ rate: Int?) { change { $0.setOutsideLimit(rate) } }

    // MARK: Peers

    private static let mostEarlyPeers = 1_000

    /// Adds peers that were heard of elsewhere than from the torrent's trackers: dialled as those from trackers are, also while
    /// the metadata is fetched. May be called any number of times; what is known already costs nothing.
    package func addPeers(_ addresses: [PeerAddress]) {
        switch phase {
        case .metadata(let session) where !session.isStopped: return session.found(addresses)
        case .waiting: earlyPeers += addresses.prefix(max(0, Self.mostEarlyPeers - earlyPeers.count))
        default: break
        }
        change { $0.found(addresses) }
    }

    // MARK: Files of staged content

    /// Selected files whose pieces are all verified and written.
    package var completeFiles: Set<Int> { engine?.progress?.completeFiles ?? [] }

    /// Verified bytes of each selected file.
    package var fileBytes: [Int: Int64] {
        guard let engine, let progress = engine.progress else { return [:] }
        return progress.bytes(in: engine.info.layout) { engine.machine.have.contains($0) }
    }

    /// Downloads a file again that its owner found to be wrong.
    /// - Parameter id: a source that must not be asked for it any more; nil to ask all sources with it in their share.
    /// - Returns: false if the content is not staged, was relocated already, or the file is not selected.
    @discardableResult
    package func refetch(file: Int, except id: String? = nil) -> Bool {
        guard let engine, !engine.isStopped else { return false }
        defer { engine.carryOutActions() }
        return engine.refetch(file, except: id)
    }

    /// Continues seeding from the place where the owner publishes complete content.
    /// - Parameters:
    ///   - path: the new location.
    ///   - move: moves the content there, on a worker thread; uploads are paused meanwhile. Does nothing if it was
    ///     moved before.
    /// - Throws: errors of `move`, ``TransferError`` if the content is not complete or not staged, `StorageError`.
    package func relocate(to path: String, by move: @escaping @Sendable () throws -> Void = {}) async throws {
        guard let engine, case .staged(let staged, _) = engine.home, engine.isPublished, !engine.isStopped else {
            throw TransferError(
                .other, "only complete staged content can be moved", advice: "Wait for the transfer to be complete.")
        }
        engine.hold(true)
        defer { engine.hold(false) }
        try await engine.context.pool.run {
            try move()
            try staged.relocate(to: path)
        }
        engine.isRelocated = true
    }
}
