import Fleet
import FleetLink
import FleetStore
import Synchronization

/// The newest version of each class in memory, and the version of a job from the database. Owns the former.
final class FleetClasses: Sendable {
    private let database: ControlDatabase
    private let records = Mutex<[String: ClassRecord]>([:])

    init(_ database: ControlDatabase) { self.database = database }

    /// By name.
    var all: [ClassRecord] { records.withLock { Array($0.values) }.sorted { $0.name < $1.name } }

    /// Loads all classes, at the start of control.
    func load() async throws(StoreError) {
        var after: String?
        while true {
            let page = try await database.store.classes(after: after, limit: 1000)
            records.withLock { records in for record in page { records[record.name] = record } }
            guard let last = page.last, page.count == 1000 else { break }
            after = last.name
        }
    }

    /// Updates a class that this or another control has changed.
    func follow(_ name: String) async throws(StoreError) {
        let record = try await database.store.fleetClass(name)
        records.withLock { $0[name] = record }
    }

    func put(_ record: ClassRecord) { records.withLock { $0[record.name] = record } }

    func remove(_ name: String) { records.withLock { $0[name] = nil } }

    /// The newest version of a class.
    func newest(_ name: String) async throws(LinkRefusal) -> (record: ClassRecord, settings: FleetClass) {
        let known = records.withLock { $0[name] }
        let record: ClassRecord?
        if let known {
            record = known
        } else {
            record = try await database.linked { () throws(StoreError) in try await database.store.fleetClass(name) }
        }
        guard let record else {
            throw LinkRefusal(
                404, "no_class", "there is no class '\(name)'",
                advice: "swoop fleet class list shows those that there are")
        }
        do { return (record, try record.settings()) } catch {
            throw LinkRefusal(500, "class_damaged", "the class '\(name)' cannot be read: \(error)")
        }
    }

    /// The class in the version of a job.
    func version(of job: JobRecord) async throws(LinkRefusal) -> (record: ClassRecord, settings: FleetClass) {
        let record = try await database.linked { () throws(StoreError) in
            try await database.store.fleetClass(job.className, version: job.classVersion)
        }
        guard let record else {
            throw LinkRefusal(404, "no_class", "version \(job.classVersion) of the class '\(job.className)' is gone")
        }
        do { return (record, try record.settings()) } catch {
            throw LinkRefusal(500, "class_damaged", "the class '\(job.className)' cannot be read: \(error)")
        }
    }
}
