import Logging
import Registry

/// Runs garbage collection once a day. Of several indexes with one store, the first that claims the collection runs it: the
/// store remembers when the last one began.
package actor DailyCollection {
    private let service: IndexService
    private let clock: @Sendable () -> Int64
    private let look: Duration
    private let logger: Logger
    private var loop: Task<Void, Never>?

    /// Milliseconds from one collection to the next, and from the first start of an index to the first collection.
    package static let period: Int64 = 86_400_000

    /// - Parameters:
    ///   - look: the time between two checks whether a collection is due, and before a failed one is repeated.
    ///   - now: the present time, in milliseconds since 1970.
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
