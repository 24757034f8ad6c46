import Admission

/// What one answer has reserved of the budget for bytes that wait to be sent: the chunk that is being read, and the one
/// before it that may still wait. Given back when the answer ends, in whatever way.
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

    /// The chunk is sent next: the one before it has left.
    package mutating func wasTaken() {
        admission.releaseUnsent(before)
        (before, now) = (now, 0)
    }

    deinit { admission.releaseUnsent(before + now) }
}
