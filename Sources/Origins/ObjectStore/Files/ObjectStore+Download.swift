import HTTPOrigin
import S3

/// What came of a download.
package struct DownloadResult: Sendable, Hashable {
    /// In bytes.
    package let size: Int64
    package let entityTag: String
    /// Bytes that were there from an earlier try.
    package let reused: Int64
}

extension ObjectStore {
    /// Writes an object to a file, several ranges at a time, going on where an earlier try of the same object stopped.
    ///
    /// What is there is recorded beside the file, in `PATH.ranges`, after it is on the disk; the record goes when the
    /// file is whole. The bytes are not verified: whoever knows their hash does that, and gives the file its final
    /// name.
    /// - Parameters:
    ///   - size: how long it must be, from whoever knows its hash; an object of another length is refused before anything
    ///     is written.
    ///   - path: not a name that others look for: the file is incomplete until this returns.
    ///   - progress: bytes that are there, called from any thread.
    /// - Throws: `ObjectStoreError`; `.wrongContent` for another length. File and record stay for the next try.
    package func download(
        key: String, size: Int64, to path: String, progress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) async throws(ObjectStoreError) -> DownloadResult {
        let info = try await head(key: key)
        guard info.size == size else {
            throw ObjectStoreError(
                .wrongContent, "\(ShownName.escaped(key)) at \(host) has \(info.size) bytes, not \(size)")
        }
        let file = try LocalFile.writing(path)
        let plan = DownloadPlan(size: size, entityTag: info.entityTag, rangeSize: settings.rangeSize)
        let place = try RecordPlace(beside: path)
        var record = RangeRecord(plan: plan)
        // Without an entity tag nothing tells whether what is there is of this object.
        if let stamp = try? file.stamp(), stamp.size == size, !info.entityTag.isEmpty,
            let known = place.read(plan)
        {
            record = known
        } else {
            try file.truncate(to: 0)
            try file.truncate(to: size)
        }
        let reused = record.bytes
        progress(reused)
        let kept = KeptRecord(record, at: place)
        let missing = record.missing
        let failure: ObjectStoreError? = await withTaskGroup(of: ObjectStoreError?.self) { group in
            var rest = missing[...]
            func startOne() {
                guard let index = rest.popFirst() else { return }
                group.addTask {
                    do throws(ObjectStoreError) {
                        try await self.fetch(plan.range(index), of: key, plan, into: file)
                        progress(
                            try await LocalFile.blocking {
                                try file.sync()
                                return try kept.add(index)
                            })
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            for _ in 0..<max(1, settings.parallel) { startOne() }
            while let result = await group.next() {
                if let result {
                    group.cancelAll()
                    return result
                }
                startOne()
            }
            return nil
        }
        if Task.isCancelled { throw ObjectStoreError(.cancelled, "cancelled") }
        if let failure { throw failure }
        place.remove()
        return DownloadResult(size: size, entityTag: info.entityTag, reused: reused)
    }

    private func fetch(
        _ range: Range<Int64>, of key: String, _ plan: DownloadPlan, into file: LocalFile
    ) async throws(ObjectStoreError) {
        var problem: ObjectStoreError?
        let isWhole = try await get(key: key, size: plan.size, range: range, entityTag: nil) { chunk in
            do {
                try await LocalFile.blocking {
                    try chunk.withUnsafeBytes { bytes throws(ObjectStoreError) in
                        try file.write(bytes, at: chunk.offset)
                    }
                }
                return true
            } catch {
                problem = error as? ObjectStoreError
                return false
            }
        }
        guard isWhole else { throw problem ?? ObjectStoreError(.cancelled, "cancelled") }
    }
}

/// An object cut into ranges.
struct DownloadPlan: Sendable, Hashable {
    let size: Int64
    let entityTag: String
    let rangeSize: Int64

    /// Most ranges of one object: what a record of them may hold.
    static let mostRanges: Int64 = 100_000

    /// - Parameters:
    ///   - size: any; a negative one counts as 0.
    ///   - rangeSize: the ranges are longer where there would be too many of them.
    init(size: Int64, entityTag: String, rangeSize: Int64) {
        self.size = max(0, size)
        self.entityTag = entityTag
        self.rangeSize = max(1, rangeSize, self.size / DownloadPlan.mostRanges + 1)
    }

    var count: Int { Int(size / rangeSize) + (size % rangeSize == 0 ? 0 : 1) }

    /// - Parameter index: 0 up to `count`.
    func range(_ index: Int) -> Range<Int64> {
        let start = min(size, Int64(index) * rangeSize)
        return start..<start + min(rangeSize, size - start)
    }
}
