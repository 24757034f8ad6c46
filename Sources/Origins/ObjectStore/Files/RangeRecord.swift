import Glibc
import Synchronization

/// The finished ranges of a download. Stored as text: the identity of the object, then the numbers of the ranges.
struct RangeRecord: Sendable, Hashable {
    private let plan: DownloadPlan
    private var have: Set<Int> = []

    init(plan: DownloadPlan) { self.plan = plan }

    /// Nil if there is no record, or it is of another object or other ranges.
    init?(reading path: String, plan: DownloadPlan) {
        guard let file = try? LocalFile.reading(path), let stamp = try? file.stamp(), stamp.size <= 1 << 20,
            let bytes = try? file.read(Int(stamp.size), at: 0)
        else { return nil }
        self.init(String(buffer: bytes), plan: plan)
    }

    init?(_ text: String, plan: DownloadPlan) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 3, lines[0] == RangeRecord.title(plan), lines[2].isEmpty else { return nil }
        self.plan = plan
        for word in lines[1].split(separator: " ") {
            guard let index = Int(word), (0..<plan.count).contains(index) else { return nil }
            have.insert(index)
        }
    }

    var text: String {
        RangeRecord.title(plan) + "\n" + have.sorted().map(String.init).joined(separator: " ") + "\n"
    }
    var missing: [Int] { (0..<plan.count).filter { !have.contains($0) } }
    var bytes: Int64 { have.reduce(0) { $0 + Int64(plan.range($1).count) } }

    mutating func add(_ index: Int) { have.insert(index) }

    private static func title(_ plan: DownloadPlan) -> String {
        "\(plan.size) \(plan.rangeSize) \(ShownName.escaped(plan.entityTag))"
    }

    /// Replaces the record atomically.
    func write(to path: String) throws(ObjectStoreError) {
        let temporary = path + ".new"
        unlink(temporary)
        let file = try LocalFile.writing(temporary)
        let written = Array(text.utf8).withUnsafeBytes { bytes in
            Result { () throws(ObjectStoreError) in try file.write(bytes, at: 0) }
        }
        try written.get()
        try file.sync()
        guard rename(temporary, path) == 0 else { throw LocalFile.failure("write", path) }
    }
}

/// The record of a running download, shared by its parallel ranges.
final class KeptRecord: Sendable {
    private let path: String
    private let record: Mutex<RangeRecord>

    init(_ record: RangeRecord, path: String) {
        self.path = path
        self.record = Mutex(record)
    }

    /// Adds a range that is durable, and writes the record. Run as `BlockingWork`.
    /// - Returns: number of bytes present now.
    func add(_ index: Int) throws -> Int64 {
        try record.withLock { record in
            record.add(index)
            try record.write(to: path)
            return record.bytes
        }
    }
}
