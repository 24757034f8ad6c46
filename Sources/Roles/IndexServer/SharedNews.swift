import NameIndex
import Registry
import Threads

/// Tells what tags come to name, at whichever index of the same store: looks for it a few times a second, and as soon as something
/// was put here.
package final class SharedNews: Sendable {
    private let ask: AsyncStream<Void>.Continuation
    private let loops: [Task<Void, Never>]

    /// Between two looks, with nothing put here, and at least.
    private static let pause = Duration.milliseconds(250)
    private static let rest = Duration.milliseconds(20)
    /// Changes that are read at a time.
    private static let most = 1_000

    /// - Parameter tell: must not wait.
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

    /// Something was put here.
    package func hasNews() { ask.yield() }

    package func stop() async {
        ask.finish()
        for loop in loops { loop.cancel() }
        for loop in loops { await loop.value }
    }

    /// While the store does not answer, what is put meanwhile is told later.
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
