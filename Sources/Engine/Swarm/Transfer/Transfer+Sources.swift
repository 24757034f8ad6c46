import Storage

/// Where a transfer's bytes come from, changed while it runs. Before it runs, changes wait.
extension Transfer {
    // MARK: Sources

    /// Gives a source another share, pauses it or lets it go on, and limits it: bytes per second, nil for no limit.
    /// What it was asked for beyond its new share is asked of others; pausing is no failure of the source. An unknown
    /// id changes nothing.
    package func setSource(_ id: String, files: Set<Int>, isActive: Bool, rateLimit: Int?) {
        change { $0.setSource(id, files: files, isActive: isActive, rateLimit: .some(rateLimit)) }
    }

    /// Pauses a source, or lets it go on.
    package func setSource(_ id: String, isActive: Bool) {
        change { $0.setSource(id, files: nil, isActive: isActive, rateLimit: nil) }
    }

    /// One more source. It takes the place of another with its id.
    package func addSource(_ plan: RangeSourcePlan) { change { $0.addSource(plan) } }

    /// What it has sent stays to its credit.
    package func removeSource(_ id: String) { change { $0.removeSource(id) } }

    /// Whether peers are asked for pieces. They are served all the same, see ``setSeeding(_:)``.
    package func setPeersActive(_ isActive: Bool) { change { $0.setPeersActive(isActive) } }

    /// Whether peers are served. Where they neither are nor are asked for anything, connections are closed and the
    /// trackers told that we left, until that changes.
    package func setSeeding(_ isSeeding: Bool) { change { $0.setSeeding(isSeeding) } }

    // MARK: Files of staged content

    /// Selected files all of whose pieces are verified and written.
    package var completeFiles: Set<Int> { engine?.progress?.completeFiles ?? [] }

    /// Verified bytes of each selected file.
    package var fileBytes: [Int: Int64] {
        guard let engine, let progress = engine.progress else { return [:] }
        return progress.bytes(in: engine.info.layout) { engine.machine.have.contains($0) }
    }

    /// Fetches a file again that its owner found wrong.
    /// - Parameter id: a source that is not to be asked for it any more; nil asks all that have it in their share.
    /// - Returns: false when this is no staged content, was relocated already, or has not that file selected.
    @discardableResult
    package func refetch(file: Int, except id: String? = nil) -> Bool {
        guard let engine, !engine.isStopped else { return false }
        defer { engine.carryOutActions() }
        return engine.refetch(file, except: id)
    }

    /// Lets seeding go on from the place where the owner publishes complete content.
    /// - Parameters:
    ///   - path: where it lies afterwards.
    ///   - move: moves it there, on a worker thread; nobody is served meanwhile. Nothing where that was done before.
    /// - Throws: what `move` throws, ``TransferError`` where the content is not complete or not staged, `StorageError`.
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
