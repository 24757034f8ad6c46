import Hashing

/// All that the catalogue knew of a blob that was hidden.
package struct HiddenBlob: Sendable {
    fileprivate let row: BlobRow
    fileprivate let bad: Set<Int>?
}

extension BlobCatalogue {
    /// Removes a blob that has no lease and was not used after a time, so that it can be shown again.
    /// - Returns: nil if it was not removed.
    package func hide(_ digest: SHA256Digest, unlessUsedAfter time: Double) -> HiddenBlob? {
        state.withLock { state in
            guard state.leases[digest] == nil, let number = state.rows.find(digest), state.rows[number].usedAt <= time
            else { return nil }
            let hidden = HiddenBlob(row: state.rows[number], bad: state.bad[digest])
            state.remove(number)
            return hidden
        }
    }

    /// Adds a hidden blob as it was, with its damaged pieces, unless the blob was added again meanwhile.
    package func show(_ hidden: HiddenBlob) {
        state.withLock { state in
            guard state.rows.find(hidden.row.digest) == nil else { return }
            state.put(hidden.row)
            state.bad[hidden.row.digest] = hidden.bad
        }
    }
}
