import Admission

/// The part of the budget for unsent bytes that one response has reserved: for the chunk that is being read, and for
/// the previous one, which may still be queued. Released when the response ends in any way.
package struct UnsentBytes: ~Copyable {
    private let admission: Admission
    private var before = 0
    private var now = 0

    package init(_ admission: Admission) { self.admission = admission }

    /// - Returns: whether there is room for the next chunk.
    package mutating func reserve(_ count: Int) -> Bool {
        guard admission.reserveUnsent(count) else { return false }
        now = count
        return true
    }

    /// Call when the chunk is sent next and the one before it has been sent.
    package mutating func wasTaken() {
        admission.releaseUnsent(before)
        (before, now) = (now, 0)
    }

    deinit { admission.releaseUnsent(before + now) }
}
