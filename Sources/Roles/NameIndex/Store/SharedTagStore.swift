import Registry

/// A tag that came to name something, or nothing, at whichever index of the same store.
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

/// A store that other indexes change too.
package protocol SharedTagStore: TagStore {
    /// The id of the last change; 0 for none.
    func lastEvent() async throws(TagStoreError) -> Int64
    /// Changes of tags after an id, by id; or those with some ids.
    func events(_ ids: EventCursor.Wanted, limit: Int) async throws(TagStoreError) -> [SharedEvent]
}

/// Which changes of a shared store have been seen. Pure: times are seconds of a monotonic clock.
///
/// A change gets its id before it is committed, so that one with a lower id may come after one with a higher. Ids that are passed
/// over are asked for a while longer: those of transactions that were undone never come.
package struct EventCursor: Sendable {
    package enum Wanted: Sendable, Hashable {
        case after(Int64)
        case among([Int64])
    }

    /// The greatest id that was seen.
    private var last: Int64
    /// Lower ids that were not, and when that was noticed.
    private var missing: [Int64: Double] = [:]

    /// Seconds for which an id is asked for: longer than a transaction takes from its id to its end.
    package static let patience = 10.0
    /// Ids that are missing at a time. Beyond that the lowest ones are given up.
    package static let mostMissing = 4_096

    /// - Parameter last: changes up to this id are not asked for.
    package init(after last: Int64) { self.last = last }

    /// What to ask for now: what is missing may be all of a list, new ones are to be asked for until fewer come than asked for.
    package mutating func wanted(now: Double) -> [Wanted] {
        missing = missing.filter { now - $0.value <= Self.patience }
        return missing.isEmpty ? [.after(last)] : [.among(missing.keys.sorted()), .after(last)]
    }

    /// These were found. What was seen before is left out.
    /// - Parameter ids: in their order.
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
