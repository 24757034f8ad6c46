import Fleet
import FleetStore
import Synchronization

/// Applies the changes that this and other controls have made to the database, in their order, and passes them on to
/// event streams and webhooks. Owns the number of the last change that memory contains, and the feed. Each part
/// decides what a change means to it.
final class ChangeFollower: Sendable {
    let feed = EventFeed()
    private let database: ControlDatabase
    private let nodes: NodeChanges
    private let classes: FleetClasses
    private let ids: JobIDs
    private let loader: JobLoader
    private let access: APIAccess
    /// Id of the last change in the database that memory contains.
    private let last = Mutex<Int64>(0)
    /// The latest reading of changes.
    private let reading = Mutex<Task<Void, Never>?>(nil)

    init(
        _ database: ControlDatabase, _ nodes: NodeChanges, _ classes: FleetClasses, _ ids: JobIDs, _ loader: JobLoader,
        _ access: APIAccess
    ) {
        self.database = database
        self.nodes = nodes
        self.classes = classes
        self.ids = ids
        self.loader = loader
        self.access = access
    }

    /// Begins at a change, with the latest events before it.
    func begin(after change: Int64) async throws(StoreError) {
        last.withLock { $0 = change }
        let most = EventFeed.most
        feed.begin(after: max(0, change - Int64(most)))
        feed.put(try await database.store.changes(after: change - Int64(most), limit: most))
    }

    /// Applies what has changed since. One reading follows the other: two at a time would pass on the same changes twice.
    func follow() async {
        let task = reading.withLock { reading in
            let before = reading
            let task = Task {
                await before?.value
                await read()
            }
            reading = task
            return task
        }
        await task.value
    }

    private func read() async {
        do throws(StoreError) {
            while true {
                let page = try await database.store.changes(after: last.withLock { $0 }, limit: 500)
                database.reached()
                guard let newest = page.last else { return }
                try await take(page)
                last.withLock { $0 = max($0, newest.id) }
                feed.put(page)
                if page.count < 500 { return }
            }
        } catch {
            database.logger.warning("the database does not answer", metadata: ["error": "\(error)"])
        }
    }

    private func take(_ changes: [ChangeRecord]) async throws(StoreError) {
        var seen: Set<String> = []
        // Of several changes to one object, only the last matters.
        for change in changes.reversed() where seen.insert("\(change.kind) \(change.subject)").inserted {
            switch change.kind {
            case "node": try await nodes.follow(change.subject)
            case "class": try await classes.follow(change.subject)
            case "job":
                ids.note(change.subject)
                try await loader.follow(change.subject, revision: change.id)
            case "api-token": try await access.load(database.store)
            default: break
            }
        }
    }
}
