import Registry

extension IndexService {
    /// Milliseconds since its last touch for which a manifest or blob is not collected.
    package static let keptUntouched: Int64 = 86_400_000

    /// Garbage collection: removes manifests and blobs that no tag reaches and that were not touched for a day, first from
    /// the NAMEs of the index, then from the disks of origins. Pushes may run at the same time.
    /// - Parameters:
    ///   - now: milliseconds since 1970.
    ///   - dryRun: only counts.
    package func collect(
        now: Int64, dryRun: Bool
    ) async throws(IndexError) -> (collected: Collected, swept: SweptBlobs) {
        let cutoff = now - Self.keptUntouched
        let collected = try await asked { () throws(TagStoreError) in
            try await store.collect(untouchedSince: cutoff, dryRun: dryRun)
        }
        do throws(BlobFactsError) {
            return (collected, try await facts.sweep(untouchedSince: cutoff, dryRun: dryRun))
        } catch {
            throw .origins(error)
        }
    }
}
