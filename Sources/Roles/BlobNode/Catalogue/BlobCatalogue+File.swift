import Hashing
import Synchronization

/// What the catalogue's file needs of it.
extension BlobCatalogue {
    /// Takes some of the rows that have changed since they were last taken; empty when there are no more.
    func takeChanged() -> [BlobRow] {
        state.withLock { state in
            var rows: [BlobRow] = []
            while rows.count < Int(Self.stride), let number = state.changed.popLast() {
                state.isChanged.remove(number)
                if state.rows.isUsed(number) { rows.append(state.rows[number]) }
            }
            return rows
        }
    }

    /// Marks rows as changed again, because they could not be written.
    func putBack(_ rows: [BlobRow]) {
        state.withLock { state in
            for row in rows { if let number = state.rows.find(row.digest) { state.note(number) } }
        }
    }

    /// Calls `body` with all rows, some at a time.
    func eachStride<E: Error>(_ body: ([BlobRow]) throws(E) -> Void) throws(E) {
        var start: UInt32 = 0
        while true {
            let (rows, isMore) = state.withLock { state in
                let end = min(state.rows.end, start + Self.stride)
                let numbers = (start..<max(start, end)).filter { state.rows.isUsed($0) }
                return (numbers.map { state.rows[$0] }, end < state.rows.end)
            }
            if !rows.isEmpty { try body(rows) }
            guard isMore else { return }
            start += Self.stride
        }
    }

    /// Adds rows from the catalogue's file. The caller must still check that these blobs exist.
    func adopt(_ rows: [BlobRow]) {
        state.withLock { state in
            for row in rows {
                state.put(row)
                if let number = state.rows.find(row.digest) { state.isChanged.remove(number) }
            }
            state.changed.removeAll(keepingCapacity: true)
        }
    }

    /// The blobs that have no row. The rows of the others are marked as present.
    func unknown(_ digests: [SHA256Digest], marking marks: inout RowMarks) -> [SHA256Digest] {
        state.withLock { state in
            digests.filter { digest in
                guard let number = state.rows.find(digest) else { return true }
                marks.insert(number)
                return false
            }
        }
    }

    /// Removes all rows that are not marked.
    func removeUnmarked(_ marks: RowMarks) {
        state.withLock { state in
            for number in 0..<state.rows.end where state.rows.isUsed(number) && !marks.contains(number) {
                state.remove(number)
            }
        }
    }
}
