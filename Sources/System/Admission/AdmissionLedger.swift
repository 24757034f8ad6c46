/// Counts connections, bytes and requests, and chooses which connection to evict when there is no room. Pure: the
/// caller passes the time and closes the connections.
///
/// Every connection is in one pool of its door: half-open until its handshake or first request has arrived, then open.
/// An evicted connection has left its pool when ``admit(_:at:isOurs:now:)`` returns.
package struct AdmissionLedger {
    package typealias Member = FairPool.Member

    package struct Admitted: Equatable {
        package let member: Member
        /// The connection that must be closed now to make room.
        package var victim: Member?
    }

    private struct Pools {
        var halfOpen = FairPool()
        var open = MeritPool()
        /// Connections that this process opened. They count, but are never evicted.
        var ours: Set<Member> = []

        var count: Int { strangers + ours.count }
        var strangers: Int { halfOpen.count + open.count }

        /// Evicts half-open connections first, then those that never made progress, then the one whose progress is
        /// oldest.
        func victim(for source: Source, share: Int, protection: Double, now: Double) -> Member? {
            halfOpen.victim(for: source, share: share, protection: protection / 2, now: now)
                ?? open.victim(for: source, share: share, protection: protection, now: now)
        }
    }

    package let limits: AdmissionLimits
    private var doors: [Pools] = Door.allCases.map { _ in Pools() }
    private var places: [Member: (door: Door, source: Source)] = [:]
    private var next: Member = 0
    package private(set) var unsentBytes = 0
    /// Connections whose clients have not read large answers yet, with the bytes of these.
    private var readers = FairPool()
    private var answers: [Member: Int] = [:]
    package private(set) var answerBytes = 0
    private var requests: [Int] = Door.allCases.map { _ in 0 }
    /// Requests that may have to make room for others, by door; they count as the rest do.
    private var served: [FairPool] = Door.allCases.map { _ in FairPool() }
    package private(set) var evicted = 0
    package private(set) var refused = 0

    package init(limits: AdmissionLimits) { self.limits = limits }

    package func count(at door: Door) -> Int { doors[door.rawValue].count }
    package func requestCount(at door: Door) -> Int { requests[door.rawValue] + served[door.rawValue].count }
    package func halfOpenCount(at door: Door) -> Int { doors[door.rawValue].halfOpen.count }

    /// - Parameter isOurs: whether this process opened the connection. Then others make room for it even if they have
    ///   just made progress.
    /// - Returns: nil if there is no room, because every connection that could be evicted has just made progress.
    package mutating func admit(_ source: Source, at door: Door, isOurs: Bool, now: Double) -> Admitted? {
        // Do not hold a copy of the pools while they are changed: the whole value would be copied.
        let victim: Member?
        if !isOurs, doors[door.rawValue].halfOpen.count >= limits.halfOpen(at: door) {
            // No connection in this pool has made progress yet, so none is protected.
            victim = doors[door.rawValue].halfOpen.victim(for: source, share: limits.share, protection: 0, now: now)
        } else if doors[door.rawValue].count >= limits.connections(at: door) || places.count >= limits.descriptors {
            victim = self.victim(at: door, for: source, protection: isOurs ? 0 : limits.protection, now: now)
        } else {
            return insert(source, door, isOurs, nil, now)
        }
        guard let victim else {
            refused += 1
            return nil
        }
        remove(victim)
        return insert(source, door, isOurs, victim, now)
    }

    private mutating func insert(_ source: Source, _ door: Door, _ isOurs: Bool, _ victim: Member?, _ now: Double)
        -> Admitted
    {
        let member = next
        next += 1
        places[member] = (door, source)
        if isOurs {
            doors[door.rawValue].ours.insert(member)
        } else {
            doors[door.rawValue].halfOpen.insert(member, from: source, now: now)
        }
        if victim != nil { evicted += 1 }
        return Admitted(member: member, victim: victim)
    }

    /// If only the descriptors of the process are exhausted, a connection of the door with the most connections is
    /// evicted.
    private func victim(at door: Door, for source: Source, protection: Double, now: Double) -> Member? {
        let isDoorFull = doors[door.rawValue].count >= limits.connections(at: door)
        let fullest = doors.indices.max { doors[$0].strangers < doors[$1].strangers } ?? door.rawValue
        return doors[isDoorFull ? door.rawValue : fullest]
            .victim(for: source, share: limits.share, protection: protection, now: now)
    }

    /// The connection's handshake or first request has arrived, and it is one that this process serves.
    package mutating func opened(_ member: Member, now: Double) {
        guard let place = places[member], doors[place.door.rawValue].halfOpen.source(of: member) != nil else { return }
        doors[place.door.rawValue].halfOpen.remove(member)
        doors[place.door.rawValue].open.insert(member, from: place.source, now: now)
    }

    package mutating func progressed(_ member: Member, now: Double) {
        guard let place = places[member] else { return }
        doors[place.door.rawValue].open.progressed(member, now: now)
    }

    package mutating func remove(_ member: Member) {
        readers.remove(member)
        answerBytes -= answers.removeValue(forKey: member) ?? 0
        guard let place = places.removeValue(forKey: member) else { return }
        doors[place.door.rawValue].halfOpen.remove(member)
        doors[place.door.rawValue].open.remove(member)
        doors[place.door.rawValue].ours.remove(member)
    }

    /// The system has no descriptor left although this ledger counted some. Evicts the connection without progress for
    /// longest.
    package mutating func shed(at door: Door, now: Double) -> Member? {
        let nobody = Source(ipv4: 0)
        // Protection is short here: otherwise this process would have to refuse every new connection.
        guard let victim = doors[door.rawValue].victim(for: nobody, share: limits.share, protection: 1, now: now)
        else { return nil }
        remove(victim)
        evicted += 1
        return victim
    }

    // MARK: Bytes and requests

    /// - Returns: whether `bytes` more may be queued. If true, they count from now on.
    package mutating func reserveUnsent(_ bytes: Int) -> Bool {
        guard unsentBytes + bytes <= limits.unsentBytes else { return false }
        unsentBytes += bytes
        return true
    }

    /// Reserves room for a large answer on a connection. Others that have not read theirs make room for it, see
    /// ``FairPool/victim(for:share:protection:now:)``.
    /// - Returns: whether there is room, and the connections that must be closed now.
    package mutating func reserveAnswer(
        _ bytes: Int, on member: Member, now: Double
    ) -> (isGranted: Bool, victims: [Member]) {
        guard let source = places[member]?.source else { return (true, []) }
        // One that is larger than the budget needs all of it.
        let bytes = min(bytes, limits.answerBytes)
        var victims: [Member] = []
        while answerBytes + bytes > limits.answerBytes {
            let victim = readers.victim(for: source, share: limits.share, protection: limits.protection, now: now)
            guard let victim else { return (false, victims) }
            remove(victim)
            evicted += 1
            victims.append(victim)
            if victim == member { return (false, victims) }
        }
        readers.insert(member, from: source, now: now)
        answers[member, default: 0] += bytes
        answerBytes += bytes
        return (true, victims)
    }

    /// The client has read a part of its answers.
    package mutating func answerProgressed(on member: Member, now: Double) { readers.touch(member, now: now) }

    package mutating func releaseAnswer(_ bytes: Int, on member: Member) {
        guard let held = answers[member] else { return }
        let released = min(held, min(bytes, limits.answerBytes))
        answerBytes -= released
        answers[member] = held > released ? held - released : nil
        if answers[member] == nil { readers.remove(member) }
    }

    package mutating func releaseUnsent(_ bytes: Int) { unsentBytes = max(0, unsentBytes - bytes) }

    package mutating func beginRequest(at door: Door) -> Bool {
        guard requestCount(at: door) < limits.requests[door] ?? 0 else { return false }
        requests[door.rawValue] += 1
        return true
    }

    /// The same for a request that takes long, and whose connection is closed when others need its place and it has shown
    /// least progress of all, see ``FairPool/victim(for:share:protection:now:)``.
    /// - Returns: nil when everybody who could go has just shown progress.
    package mutating func beginRequest(from source: Source, at door: Door, now: Double) -> Admitted? {
        var victim: Member?
        if requestCount(at: door) >= limits.requests[door] ?? 0 {
            victim = served[door.rawValue].victim(
                for: source, share: limits.share, protection: limits.protection, now: now)
            guard let victim else { return nil }
            served[door.rawValue].remove(victim)
            evicted += 1
        }
        let member = next
        next += 1
        served[door.rawValue].insert(member, from: source, now: now)
        return Admitted(member: member, victim: victim)
    }

    package mutating func requestProgressed(_ member: Member, at door: Door, now: Double) {
        served[door.rawValue].touch(member, now: now)
    }

    package mutating func endRequest(_ member: Member, at door: Door) { served[door.rawValue].remove(member) }

    package mutating func endRequest(at door: Door) { requests[door.rawValue] = max(0, requests[door.rawValue] - 1) }
}
