/// Members of a bounded pool, ordered by their last progress, overall and for each source. Every operation takes
/// constant time, so that a flood of new connections cannot make eviction expensive.
///
/// Invariants: every member is in the list of all members and in the list of its source; both lists are ordered by
/// `shownAt`, oldest first; `buckets[n]` holds exactly the sources that have n members.
package struct FairPool {
    package typealias Member = UInt64

    private struct Links {
        var previous: Member?
        var next: Member?
    }

    private struct Node {
        let source: Source
        var shownAt: Double
        var all = Links()
        var own = Links()
    }

    private struct List {
        var first: Member?
        var last: Member?
        var count = 0
    }

    private var nodes: [Member: Node] = [:]
    private var all = List()
    private var sources: [Source: List] = [:]
    private var buckets: [Set<Source>] = [[]]
    private var largest = 0

    package init() {}

    package var count: Int { nodes.count }

    package func count(of source: Source) -> Int { sources[source]?.count ?? 0 }

    /// - Parameter now: seconds; not less than in any earlier call.
    package mutating func insert(_ member: Member, from source: Source, now: Double) {
        guard nodes[member] == nil else { return }
        nodes[member] = Node(source: source, shownAt: now)
        move(source, by: 1)
        append(member)
    }

    package mutating func remove(_ member: Member) {
        guard let source = nodes[member]?.source else { return }
        unlink(member)
        nodes[member] = nil
        move(source, by: -1)
    }

    /// The member has made progress.
    package mutating func touch(_ member: Member, now: Double) {
        guard nodes[member] != nil else { return }
        unlink(member)
        nodes[member]?.shownAt = now
        append(member)
    }

    package func source(of member: Member) -> Source? { nodes[member]?.source }

    /// The member to close so that a new connection finds room. If one source has the most members and more than its
    /// share, its member with the oldest progress; else the member with the oldest progress of all.
    ///
    /// - Parameters:
    ///   - share: members of one source that do not make it a preferred victim.
    ///   - protection: seconds after progress during which a member is not closed, unless its source has more than its
    ///     share and more than the new connection's source will have.
    /// - Returns: nil if every member has just made progress. The new connection then has to wait.
    package func victim(for newcomer: Source, share: Int, protection: Double, now: Double) -> Member? {
        if largest > share, let source = buckets[largest].contains(newcomer) ? newcomer : buckets[largest].first,
            let oldest = sources[source]?.first
        {
            let isUnfair = source != newcomer && largest > count(of: newcomer) + 1
            if isUnfair || isIdle(oldest, protection, now) { return oldest }
            if source == newcomer { return nil }
        }
        guard let oldest = all.first, isIdle(oldest, protection, now) else { return nil }
        return oldest
    }

    private func isIdle(_ member: Member, _ protection: Double, _ now: Double) -> Bool {
        now - (nodes[member]?.shownAt ?? now) >= protection
    }

    // MARK: Counts of sources

    private mutating func move(_ source: Source, by change: Int) {
        let before = sources[source]?.count ?? 0
        let after = before + change
        if before > 0 { buckets[before].remove(source) }
        if after > 0 {
            if sources[source] == nil { sources[source] = List() }
            sources[source]?.count = after
            while buckets.count <= after { buckets.append([]) }
            buckets[after].insert(source)
        } else {
            sources[source] = nil
        }
        largest = max(largest, after)
        while largest > 0, buckets[largest].isEmpty { largest -= 1 }
    }

    // MARK: Lists

    private mutating func append(_ member: Member) {
        guard let source = nodes[member]?.source else { return }
        nodes[member]?.all = Links(previous: all.last)
        if let last = all.last { nodes[last]?.all.next = member } else { all.first = member }
        all.last = member
        let last = sources[source]?.last
        nodes[member]?.own = Links(previous: last)
        if let last { nodes[last]?.own.next = member } else { sources[source]?.first = member }
        sources[source]?.last = member
    }

    private mutating func unlink(_ member: Member) {
        guard let node = nodes[member] else { return }
        if let before = node.all.previous { nodes[before]?.all.next = node.all.next } else { all.first = node.all.next }
        if let after = node.all.next {
            nodes[after]?.all.previous = node.all.previous
        } else {
            all.last = node.all.previous
        }
        let own = node.own
        if let before = own.previous {
            nodes[before]?.own.next = own.next
        } else {
            sources[node.source]?.first = own.next
        }
        if let after = own.next {
            nodes[after]?.own.previous = own.previous
        } else {
            sources[node.source]?.last = own.previous
        }
    }
}
