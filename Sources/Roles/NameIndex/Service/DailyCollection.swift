import Logging
import Registry

/// Collects once a day. The time of the last collection is kept over restarts.
package actor DailyCollection {
    private let service: IndexService
    private let clock: @Sendable () -> Int64
    private let last: @Sendable () async -> Int64?
    private let keep: @Sendable (Int64) async -> Void
    private let logger: Logger
    private var loop: Task<Void, Never>?

    /// Milliseconds between two collections, after the start, and between two looks at the clock.
    private static let period: Int64 = 86_400_000
    private static let look = Duration.seconds(600)

    /// - Parameters:
    ///   - now: milliseconds since 1970.
    ///   - last: when it was collected last; nil for never.
    ///   - keep: keeps that.
    package init(
        _ service: IndexService, now: @escaping @Sendable () -> Int64, last: @escaping @Sendable () async -> Int64?,
        keep: @escaping @Sendable (Int64) async -> Void, logger: Logger
    ) {
        self.service = service
        clock = now
        self.last = last
        self.keep = keep
        self.logger = logger
    }

    package func start() { loop = Task { await self.run() } }

    package func stop() async {
        loop?.cancel()
        await loop?.value
    }

    /// When the next collection is due, in milliseconds since 1970. Pure.
    /// - Parameter last: a time that is still to come is of a clock that was wrong.
    package static func due(after last: Int64?, now: Int64) -> Int64 {
        guard let last, last <= now else { return now + period }
        return max(now, last + period)
    }

    private func run() async {
        let begun = clock()
        var due = Self.due(after: await last(), now: begun)
        if await last() == nil { await keep(begun) }
        while !Task.isCancelled {
            do { try await Task.sleep(for: Self.look) } catch { return }
            let now = clock()
            guard now >= due else { continue }
            do throws(IndexError) {
                let (collected, swept) = try await service.collect(now: now, dryRun: false)
                logger.info(
                    "collected",
                    metadata: [
                        "manifests": "\(collected.manifests)", "links": "\(collected.links)",
                        "blobs": "\(swept.blobs)", "bytes": "\(swept.bytes)",
                    ])
                await keep(now)
                due = now + Self.period
            } catch {
                logger.warning("collection failed, and is tried again", metadata: ["reason": "\(error)"])
            }
        }
    }
}
