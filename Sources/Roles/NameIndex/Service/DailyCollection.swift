import Logging
import Registry

/// Collects once a day, whichever of the indexes of one store comes to it first. The store knows when that was last.
package actor DailyCollection {
    private let service: IndexService
    private let clock: @Sendable () -> Int64
    private let look: Duration
    private let logger: Logger
    private var loop: Task<Void, Never>?

    /// Milliseconds from one collection to the next, and from the first start to the first.
    package static let period: Int64 = 86_400_000

    /// - Parameters:
    ///   - look: between two looks whether a collection is due, and after one that failed.
    ///   - now: milliseconds since 1970.
    package init(
        _ service: IndexService, every look: Duration = .seconds(600), now: @escaping @Sendable () -> Int64,
        logger: Logger
    ) {
        self.service = service
        self.look = look
        clock = now
        self.logger = logger
    }

    package func start() { loop = Task { await self.run() } }

    package func stop() async {
        loop?.cancel()
        await loop?.value
    }

    private func run() async {
        while true {
            do { try await Task.sleep(for: look) } catch { return }
            let now = clock()
            do throws(TagStoreError) {
                if try await service.store.claimCollection(now: now, period: Self.period) { try await collect(now) }
            } catch {
                logger.warning("collection waits for the store", metadata: ["reason": "\(error)"])
            }
        }
    }

    private func collect(_ now: Int64) async throws(TagStoreError) {
        do throws(IndexError) {
            let (collected, swept) = try await service.collect(now: now, dryRun: false)
            logger.info(
                "collected",
                metadata: [
                    "manifests": "\(collected.manifests)", "links": "\(collected.links)", "blobs": "\(swept.blobs)",
                    "bytes": "\(swept.bytes)",
                ])
        } catch {
            logger.warning("collection failed, and is tried again", metadata: ["reason": "\(error)"])
            try await service.store.setLastCollection(now - Self.period)
        }
    }
}
