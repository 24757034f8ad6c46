import Files
import Glibc
import Synchronization

/// The finished ranges of a download. Stored as text: the identity of the object, then the numbers of the ranges.
package struct RangeRecord: Sendable, Hashable {
    private let plan: DownloadPlan
    private var have: Set<Int> = []

    package init(plan: DownloadPlan) { self.plan = plan }

    package init?(_ text: String, plan: DownloadPlan) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 3, lines[0] == RangeRecord.title(plan), lines[2].isEmpty else { return nil }
        self.plan = plan
        for word in lines[1].split(separator: " ") {
            guard let index = Int(word), (0..<plan.count).contains(index) else { return nil }
            have.insert(index)
        }
    }

    package var text: String {
        RangeRecord.title(plan) + "\n" + have.sorted().map(String.init).joined(separator: " ") + "\n"
    }
    package var missing: [Int] { (0..<plan.count).filter { !have.contains($0) } }
    package var bytes: Int64 { have.reduce(0) { $0 + Int64(plan.range($1).count) } }

    package mutating func add(_ index: Int) { have.insert(index) }

    private static func title(_ plan: DownloadPlan) -> String {
        "\(plan.size) \(plan.rangeSize) \(ShownName.escaped(plan.entityTag))"
    }
}

/// Where the record of a download lies: `PATH.ranges` beside the file, in a directory that is held open.
package struct RecordPlace: Sendable {
    /// Longest record that is read, in bytes.
    private static let mostBytes = 1 << 20

    package let path: String
    private let directory: HeldDirectory
    private let name: FileName
    private let temporary: FileName

    /// - Parameter path: of the file that is downloaded.
    package init(beside path: String) throws(ObjectStoreError) {
        self.path = path + ".ranges"
        do throws(SystemError) {
            (directory, name) = try HeldDirectory.holding(SystemPath(self.path))
            guard let temporary = FileName(name.bytes + Array(".new".utf8)) else { throw SystemError(ENAMETOOLONG) }
            self.temporary = temporary
        } catch {
            throw LocalFile.failure("write", path + ".ranges", error)
        }
    }

    /// Nil where there is no record, or one of another object or other ranges.
    package func read(_ plan: DownloadPlan) -> RangeRecord? {
        guard let file = try? directory.read(name, limit: Self.mostBytes) else { return nil }
        return RangeRecord(String(decoding: file.bytes, as: UTF8.self), plan: plan)
    }

    /// Replaces the record in one step, durably; after a failure nothing of the new one is left.
    package func write(_ record: RangeRecord) throws(ObjectStoreError) {
        do throws(SystemError) {
            try directory.replace(name, with: Array(record.text.utf8), temporary: .fixed(temporary))
        } catch {
            throw LocalFile.failure("write", path, error)
        }
    }

    /// The file is whole: its record goes. One that stays is of no harm.
    package func remove() { _ = try? directory.removeFile(name) }
}

/// The record of a running download, shared by its parallel ranges.
final class KeptRecord: Sendable {
    private let place: RecordPlace
    private let record: Mutex<RangeRecord>

    init(_ record: RangeRecord, at place: RecordPlace) {
        self.place = place
        self.record = Mutex(record)
    }

    /// Adds a range that is durable, and writes the record. Run as `BlockingWork`.
    /// - Returns: number of bytes present now.
    func add(_ index: Int) throws -> Int64 {
        try record.withLock { record in
            record.add(index)
            try place.write(record)
            return record.bytes
        }
    }
}
