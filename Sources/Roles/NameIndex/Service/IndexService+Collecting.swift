import Registry

extension IndexService {
    /// Milliseconds for which collection leaves what was touched.
    package static let keptUntouched: Int64 = 86_400_000

    /// Takes away what no tag reaches and nobody touched for a day: from NAMEs here, then from the disks of origins. Pushes go on
    /// beside it.
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
