/// A pool that evicts members that never made progress before members that did.
package struct MeritPool {
    package typealias Member = FairPool.Member

    private var idle = FairPool()
    private var active = FairPool()

    package init() {}

    package var count: Int { idle.count + active.count }

    package mutating func insert(_ member: Member, from source: Source, now: Double) {
        idle.insert(member, from: source, now: now)
    }

    /// The member has made progress.
    package mutating func progressed(_ member: Member, now: Double) {
        if let source = idle.source(of: member) {
            idle.remove(member)
            active.insert(member, from: source, now: now)
        } else {
            active.touch(member, now: now)
        }
    }

    package mutating func remove(_ member: Member) {
        idle.remove(member)
        active.remove(member)
    }

    /// The member to close for a new connection, see ``FairPool/victim(for:share:protection:now:)``. Members that have
    /// not made progress yet are protected for a fifth of the time.
    package func victim(for source: Source, share: Int, protection: Double, now: Double) -> Member? {
        idle.victim(for: source, share: share, protection: protection / 5, now: now)
            ?? active.victim(for: source, share: share, protection: protection, now: now)
    }
}
