import HTTPOrigin
import S3

/// The result of a download.
package struct DownloadResult: Sendable, Hashable {
    /// In bytes.
    package let size: Int64
    package let entityTag: String
    /// Bytes that were present from an earlier attempt.
    package let reused: Int64
}

extension ObjectStore {
    /// Downloads an object to a file, several ranges at a time. Resumes an earlier download of the same object.
    ///
    /// The finished ranges are recorded in `PATH.ranges`, after they are durable. The record is deleted when the file
    /// is complete. The bytes are not verified: the caller, who knows the hash, verifies them and renames the file.
    /// - Parameters:
    ///   - size: required length, from the party that knows the hash. An object of another length is refused before
    ///     anything is written.
    ///   - path: a name that no other program reads: the file is incomplete until this returns.
    ///   - progress: number of bytes present; called from any thread.
    /// - Throws: `ObjectStoreError`; `.wrongContent` for another length. File and record are kept for the next attempt.
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
        // Without an entity tag it is unknown whether the present bytes are of this object.
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

/// An object divided into ranges.
package struct DownloadPlan: Sendable, Hashable {
    package let size: Int64
    package let entityTag: String
    package let rangeSize: Int64

    /// Maximum number of ranges of one object, which bounds the record.
    package static let mostRanges: Int64 = 100_000

    /// - Parameters:
    ///   - size: in bytes; a negative one counts as 0.
    ///   - rangeSize: length of a range, in bytes. Ranges are longer if there would be too many.
    package init(size: Int64, entityTag: String, rangeSize: Int64) {
        self.size = max(0, size)
        self.entityTag = entityTag
        self.rangeSize = max(1, rangeSize, self.size / DownloadPlan.mostRanges + 1)
    }

    package var count: Int { Int(size / rangeSize) + (size % rangeSize == 0 ? 0 : 1) }

    /// - Parameter index: 0 up to `count`.
    package func range(_ index: Int) -> Range<Int64> {
        let start = min(size, Int64(index) * rangeSize)
        return start..<start + min(rangeSize, size - start)
    }
}
