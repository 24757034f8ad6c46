import Registry

/// A change of a tag, made by any of the indexes that share a store.
package struct SharedEvent: Hashable, Sendable {
    package let id: Int64
    package let name: ContentName
    package let tag: Tag
    /// Nil for a deletion.
    package let digest: BlobDigest?

    package init(id: Int64, name: ContentName, tag: Tag, digest: BlobDigest?) {
        self.id = id
        self.name = name
        self.tag = tag
        self.digest = digest
    }
}

/// A store that several indexes share.
package protocol SharedTagStore: TagStore {
    /// The id of the latest change; 0 if there is none.
    func lastEvent() async throws(TagStoreError) -> Int64
    /// The changes after an id, or those with given ids, in order of their ids.
    func events(_ ids: EventCursor.Wanted, limit: Int) async throws(TagStoreError) -> [SharedEvent]
}

/// Keeps track of the changes of a shared store that have been seen. Pure: times are seconds of a monotonic clock.
///
/// A change gets its id before it is committed, so a change with a lower id can appear after one with a higher id. Ids that
/// were missing are queried for a while longer. They never appear if their transaction was rolled back.
package struct EventCursor: Sendable {
    package enum Wanted: Sendable, Hashable {
        case after(Int64)
        case among([Int64])
    }

    /// The highest id that was seen.
    private var last: Int64
    /// Lower ids that were not seen, and when that was noticed.
    private var missing: [Int64: Double] = [:]

    /// Seconds for which a missing id is queried: longer than a transaction takes from getting its id to its commit.
    package static let patience = 10.0
    /// The most missing ids that are tracked. The lowest ones beyond that are given up.
    package static let mostMissing = 4_096

    /// - Parameter last: the id up to which changes are ignored.
    package init(after last: Int64) { self.last = last }

    /// The queries to make now. A query for new changes is to be repeated until it returns fewer than its limit.
    package mutating func wanted(now: Double) -> [Wanted] {
        missing = missing.filter { now - $0.value <= Self.patience }
        return missing.isEmpty ? [.after(last)] : [.among(missing.keys.sorted()), .after(last)]
    }

    /// Records changes that were found.
    /// - Parameter ids: the ids of the changes, in ascending order.
    /// - Returns: the ids that had not been seen before.
    package mutating func saw(_ ids: [Int64], now: Double) -> Set<Int64> {
        var new: Set<Int64> = []
        for id in ids {
            if id <= last {
                if missing.removeValue(forKey: id) != nil { new.insert(id) }
                continue
            }
            let first = max(last + 1, id - Int64(Self.mostMissing))
            for passed in first..<id { missing[passed] = now }
            last = id
            new.insert(id)
        }
        if missing.count > Self.mostMissing {
            for id in missing.keys.sorted().dropLast(Self.mostMissing) { missing[id] = nil }
        }
        return new
    }
}
