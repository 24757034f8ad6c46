import NameIndex
import Registry
import Threads

/// Reports changes of tags by any of the indexes that share a store. Looks for new events a few times a second, and at
/// once after a change by this index.
package final class SharedNews: Sendable {
    private let ask: AsyncStream<Void>.Continuation
    private let loops: [Task<Void, Never>]

    /// Time between two looks if this index changes nothing, and the least time between two looks.
    private static let pause = Duration.milliseconds(250)
    private static let rest = Duration.milliseconds(20)
    /// Events read by one query.
    private static let most = 1_000

    /// - Parameter tell: called with each event; must not block.
    package init(_ store: any SharedTagStore, tell: @escaping @Sendable (ContentName, [Tag], BlobDigest) -> Void) {
        let (looks, ask) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.ask = ask
        loops = [
            Task {
                while !Task.isCancelled {
                    ask.yield()
                    try? await Task.sleep(for: Self.pause)
                }
            },
            Task {
                var cursor: EventCursor?
                for await _ in looks where !Task.isCancelled {
                    await Self.look(store, &cursor, tell)
                    try? await Task.sleep(for: Self.rest)
                }
            },
        ]
    }

    /// Looks for events at once: this index has changed a tag.
    package func hasNews() { ask.yield() }

    package func stop() async {
        ask.finish()
        for loop in loops { loop.cancel() }
        for loop in loops { await loop.value }
    }

    /// Reports the events since the last look. The first look only finds the place to start from. If the store does not
    /// answer, a later look reports the events.
    private static func look(
        _ store: any SharedTagStore, _ cursor: inout EventCursor?,
        _ tell: @Sendable (ContentName, [Tag], BlobDigest) -> Void
    ) async {
        do throws(TagStoreError) {
            guard cursor != nil else {
                cursor = EventCursor(after: try await store.lastEvent())
                return
            }
            for wanted in cursor?.wanted(now: Clocks.steadySeconds) ?? [] {
                var wanted = wanted
                while true {
                    let found = try await store.events(wanted, limit: most)
                    let new = cursor?.saw(found.map(\.id), now: Clocks.steadySeconds) ?? []
                    for event in found where new.contains(event.id) {
                        if let digest = event.digest { tell(event.name, [event.tag], digest) }
                    }
                    guard case .after = wanted, found.count == most, let last = found.last else { break }
                    wanted = .after(last.id)
                }
            }
        } catch {}
    }
}
