import Admission
import Synchronization
import Testing

private func address(_ number: Int) -> Source { Source(ipv4: UInt32(number)) }

private func limits(connections: Int = 100, halfOpen: Int = 10, descriptors: Int = 4096) -> AdmissionLimits {
    var limits = AdmissionLimits(descriptors: descriptors)
    limits.descriptors = descriptors
    limits.connections = [.peers: connections, .api: connections]
    limits.halfOpen = [.peers: halfOpen, .api: halfOpen]
    return limits
}

extension AdmissionLedger {
    /// A connection at the engine's listener, which must be let in.
    fileprivate mutating func enter(_ number: Int, isOurs: Bool = false, opened: Bool = false, now: Double) throws
        -> Admitted
    {
        let admitted = admit(address(number), at: .peers, isOurs: isOurs, now: now)
        if opened, let admitted {
            self.opened(admitted.member, now: now)
            progressed(admitted.member, now: now)
        }
        return try #require(admitted)
    }
}

struct SourceTests {
    @Test func `an IPv4 address is one source, mapped into IPv6 or not`() {
        #expect(
            Source(bytes: [10, 0, 0, 1]) == Source(bytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1]))
        #expect(Source(bytes: [10, 0, 0, 1]) != Source(bytes: [10, 0, 0, 2]))
    }

    @Test func `an IPv6 /64 is one source`() {
        let high: UInt64 = 0x2001_0db8_0000_0001
        #expect(Source(ipv6High: high, low: 1) == Source(ipv6High: high, low: 0xffff_ffff_0000_0000))
        #expect(Source(ipv6High: high, low: 1) != Source(ipv6High: high + 1, low: 1))
        #expect(Source(bytes: [1, 2, 3]) == nil)
    }
}

struct AdmissionLedgerTests {
    @Test func `a flood of silent connections from one address does not keep a handshake out`() throws {
        var ledger = AdmissionLedger(limits: limits())
        var victims: [FairPool.Member] = []
        let honest = try ledger.enter(1, now: 0).member
        for step in 0..<1000 {
            let admitted = ledger.admit(address(666), at: .peers, isOurs: false, now: Double(step) / 1000)
            if let victim = admitted?.victim { victims.append(victim) }
        }
        #expect(victims.count == 991)
        #expect(!victims.contains(honest))
        #expect(ledger.halfOpenCount(at: .peers) == 10)
    }

    @Test func `the connection that has been half-open for longest goes first`() throws {
        var ledger = AdmissionLedger(limits: limits())
        var members: [FairPool.Member] = []
        for number in 0..<10 { members.append(try ledger.enter(number, now: Double(number)).member) }
        let admitted = try ledger.enter(99, now: 11)
        #expect(admitted.victim == members[0])
    }

    @Test func `an open connection that moves bytes stays, a silent one goes`() throws {
        var ledger = AdmissionLedger(limits: limits(connections: 10))
        var members: [FairPool.Member] = []
        for number in 0..<10 { members.append(try ledger.enter(number, opened: true, now: 0).member) }
        for member in members where member != members[7] { ledger.progressed(member, now: 50) }
        let victim = try ledger.enter(99, now: 51).victim
        #expect(victim == members[7])
        #expect(ledger.count(at: .peers) == 10)
    }

    @Test
    func `who has moved something is not closed for newcomers that only shake hands, from however many addresses`()
        throws
    {
        var ledger = AdmissionLedger(limits: limits(connections: 10))
        let busy = try ledger.enter(1, opened: true, now: 0).member
        var victims: [FairPool.Member] = []
        for number in 0..<1000 {
            let now = 5 + Double(number) * 3
            ledger.progressed(busy, now: now - 4)
            let admitted = try ledger.enter(100 + number, now: now)
            ledger.opened(admitted.member, now: now)
            if let victim = admitted.victim { victims.append(victim) }
        }
        #expect(victims.count == 991)
        #expect(!victims.contains(busy))
        // An honest newcomer finds a place among them too.
        let newcomer = ledger.admit(address(5), at: .peers, isOurs: false, now: 3010)
        #expect(newcomer?.victim != nil)
    }

    @Test func `when all have just shown progress, one of a source with many makes way for one of a source with few`()
        throws
    {
        var ledger = AdmissionLedger(limits: limits(connections: 10))
        var crowd: [FairPool.Member] = []
        for number in 0..<10 {
            let member = try ledger.enter(number < 8 ? 666 : number, opened: true, now: 1).member
            if number < 8 { crowd.append(member) }
        }
        let victim = try ledger.enter(1, now: 1).victim
        #expect(crowd.contains(try #require(victim)))
    }

    @Test func `a newcomer waits when every source has its share and all have just shown progress`() throws {
        var ledger = AdmissionLedger(limits: limits(connections: 10))
        for number in 0..<10 {
            _ = try ledger.enter(number, opened: true, now: 1)
        }
        let early = ledger.admit(address(99), at: .peers, isOurs: false, now: 2)
        #expect(early == nil)
        #expect(ledger.refused == 1)
        let late = ledger.admit(address(99), at: .peers, isOurs: false, now: 12)
        #expect(late != nil)
    }

    @Test func `connections of ours find room, and are nobody's victims`() throws {
        var ledger = AdmissionLedger(limits: limits(connections: 10))
        let ours = try ledger.enter(5, isOurs: true, now: 0).member
        for number in 0..<9 {
            _ = try ledger.enter(number, opened: true, now: 1)
        }
        let second = try ledger.enter(6, isOurs: true, now: 1)
        #expect(second.victim != nil && second.victim != ours)
        for number in 10..<100 {
            let victim = try ledger.enter(number, now: 100 + Double(number)).victim
            #expect(victim != ours)
        }
    }

    @Test func `a flood at one door leaves the other its room, but for the descriptors of the process`() throws {
        var ledger = AdmissionLedger(limits: limits(connections: 100, halfOpen: 100, descriptors: 50))
        for number in 0..<500 { _ = ledger.admit(address(number), at: .peers, isOurs: false, now: Double(number)) }
        #expect(ledger.count(at: .peers) == 50)
        let admitted = ledger.admit(address(1), at: .api, isOurs: false, now: 501)
        #expect(admitted != nil)
        #expect(ledger.count(at: .peers) == 49)
        #expect(ledger.count(at: .api) == 1)
    }

    @Test func `the choice of a victim stays cheap with many sources and members`() throws {
        var ledger = AdmissionLedger(limits: limits(connections: 20_000, halfOpen: 20_000, descriptors: 100_000))
        let clock = ContinuousClock()
        let time = clock.measure {
            for number in 0..<200_000 {
                _ = ledger.admit(address(number % 5000), at: .peers, isOurs: false, now: Double(number) / 1000)
            }
        }
        #expect(ledger.count(at: .peers) == 20_000)
        // A linear search would take minutes.
        #expect(time < .seconds(20))
    }

    @Test func `members that are released leave nothing behind`() {
        var ledger = AdmissionLedger(limits: limits())
        var generator = SystemRandomNumberGenerator()
        var open: [FairPool.Member] = []
        for step in 0..<5000 {
            if Bool.random(using: &generator),
                let admitted = ledger.admit(
                    address(.random(in: 0..<7, using: &generator)), at: .peers, isOurs: .random(using: &generator),
                    now: Double(step))
            {
                open.append(admitted.member)
                if let victim = admitted.victim { open.removeAll { $0 == victim } }
                ledger.opened(open.randomElement() ?? 0, now: Double(step))
            } else if let index = open.indices.randomElement() {
                ledger.remove(open.remove(at: index))
            }
            #expect(ledger.count(at: .peers) == open.count)
        }
        for member in open { ledger.remove(member) }
        #expect(ledger.count(at: .peers) == 0)
        #expect(ledger.halfOpenCount(at: .peers) == 0)
    }

    @Test func `bytes that wait are bounded, and room comes back`() {
        var small = limits()
        small.unsentBytes = 100
        var ledger = AdmissionLedger(limits: small)
        let outcomes = [ledger.reserveUnsent(60), ledger.reserveUnsent(50), ledger.reserveUnsent(40)]
        #expect(outcomes == [true, false, true])
        ledger.releaseUnsent(60)
        let again = ledger.reserveUnsent(50)
        #expect(again)
    }

    @Test func `large answers are bounded, and who reads none of theirs makes room for others`() throws {
        var small = limits()
        small.answerBytes = 100
        small.protection = 10
        var ledger = AdmissionLedger(limits: small)
        let members = try (0..<4).map { try ledger.enter($0, opened: true, now: 0).member }
        func reserve(_ bytes: Int, _ number: Int, at now: Double) -> (Bool, [AdmissionLedger.Member]) {
            let (isGranted, victims) = ledger.reserveAnswer(bytes, on: members[number], now: now)
            return (isGranted, victims)
        }
        #expect(reserve(60, 0, at: 0) == (true, []))
        #expect(reserve(40, 1, at: 5) == (true, []))
        #expect(reserve(1, 2, at: 9) == (false, []), "both have just begun")
        ledger.answerProgressed(on: members[0], now: 9)
        #expect(reserve(40, 2, at: 16) == (true, [members[1]]), "it has read nothing for longest")
        #expect(ledger.answerBytes == 100 && ledger.count(at: .peers) == 3)
        // One that was closed holds nothing any more.
        ledger.releaseAnswer(40, on: members[1])
        #expect(ledger.answerBytes == 100)
        ledger.releaseAnswer(60, on: members[0])
        #expect(reserve(60, 3, at: 17) == (true, []))
        #expect(reserve(1_000, 0, at: 30) == (true, [members[2], members[3]]), "the largest takes all there is")
        ledger.releaseAnswer(1_000, on: members[0])
        #expect(ledger.answerBytes == 0)
    }

    @Test func `some descriptors are kept for files whatever the limit is`() {
        for number in [64, 256, 512, 1024, 65_536, 1 << 20] {
            let limits = AdmissionLimits(descriptors: number)
            #expect(limits.descriptors <= max(16, number - 64))
            #expect(limits.descriptors >= 16)
        }
    }
}

struct AdmissionTests {
    @Test func `a victim is closed once, and a ticket that is let go of frees its place`() throws {
        let admission = Admission(limits: limits(connections: 2, halfOpen: 2))
        let closed = Mutex<[Int]>([])
        func enter(_ number: Int) -> Admission.Ticket? {
            admission.admit(address(number), at: .peers, now: Double(number)) { closed.withLock { $0.append(number) } }
        }
        let first = enter(0)
        var second = enter(1)
        let third = enter(2)
        #expect(closed.withLock { $0 } == [0])
        first?.release()
        second = nil
        _ = second
        let fourth = enter(3)
        #expect(closed.withLock { $0 } == [0])
        #expect(admission.figures.connections[.peers] == 2)
        withExtendedLifetime((third, fourth)) {}
    }

    @Test func `who makes room when the system has no descriptor left is the one silent for longest`() throws {
        let admission = Admission(limits: limits())
        let closed = Mutex<[Int]>([])
        let tickets = (0..<3).map { number in
            admission.admit(address(number), at: .peers, now: Double(number)) { closed.withLock { $0.append(number) } }
        }
        tickets[0]?.opened(now: 5)
        #expect(admission.shed(at: .peers, now: 6))
        #expect(closed.withLock { $0 } == [1])
        withExtendedLifetime(tickets) {}
    }
}

@Suite struct `Places of requests that take long` {
    private func ledger(_ count: Int) -> AdmissionLedger {
        var limits = AdmissionLimits(descriptors: 4096)
        limits.requests[.files] = count
        return AdmissionLedger(limits: limits)
    }

    /// A request that must find a place.
    private func begin(_ ledger: inout AdmissionLedger, _ number: Int, now: Double) throws -> AdmissionLedger.Admitted {
        let begun = ledger.beginRequest(from: address(number), at: .files, now: now)
        return try #require(begun)
    }

    private func isRefused(_ ledger: inout AdmissionLedger, _ number: Int, now: Double) -> Bool {
        ledger.beginRequest(from: address(number), at: .files, now: now) == nil
    }

    @Test func `are given up by whoever has taken nothing for longest`() throws {
        var ledger = ledger(3)
        let begun = try (0..<3).map { try begin(&ledger, $0, now: Double($0)) }
        #expect(begun.allSatisfy { $0.victim == nil })
        ledger.requestProgressed(begun[0].member, at: .files, now: 15)
        let next = try begin(&ledger, 9, now: 20)
        #expect(next.victim == begun[1].member)
        #expect(ledger.requestCount(at: .files) == 3)
        #expect(ledger.evicted == 1)
    }

    @Test func `are not given up while something is taken`() throws {
        var ledger = ledger(2)
        for number in 0..<2 { _ = try begin(&ledger, number, now: 0) }
        #expect(isRefused(&ledger, 9, now: 9))
        #expect(!isRefused(&ledger, 9, now: 10))
    }

    @Test func `of one source that has more than its share are given up first, even if it takes something`() throws {
        var ledger = ledger(10)
        let honest = try begin(&ledger, 1, now: 0)
        let greedy = try (0..<9).map { _ in try begin(&ledger, 2, now: 1) }
        for one in greedy { ledger.requestProgressed(one.member, at: .files, now: 11) }
        for number in 0..<3 {
            let next = try begin(&ledger, 10 + number, now: 12)
            #expect(next.victim == greedy[number].member)
        }
        ledger.endRequest(honest.member, at: .files)
        #expect(ledger.requestCount(at: .files) == 9)
    }

    @Test func `count together with those that end soon`() {
        var ledger = ledger(2)
        let isBegun = ledger.beginRequest(at: .files)
        #expect(isBegun)
        #expect(!isRefused(&ledger, 1, now: 0))
        let isFull = !ledger.beginRequest(at: .files)
        #expect(isFull)
        #expect(isRefused(&ledger, 2, now: 1))
    }

    @Test func `close the connection that gives way, and come back with their tickets`() throws {
        var limits = AdmissionLimits(descriptors: 4096)
        limits.requests[.files] = 1
        let admission = Admission(limits: limits)
        let closed = Mutex(0)
        let first = admission.request(from: address(1), at: .files, now: 0) { closed.withLock { $0 += 1 } }
        let second = admission.request(from: address(2), at: .files, now: 60) {}
        #expect(first != nil && second != nil)
        #expect(closed.withLock { $0 } == 1)
        #expect(admission.figures.requests[.files] == 1)
        withExtendedLifetime((first, second)) {}
    }

    @Test func `are half of the descriptors that are kept for files`() {
        #expect(AdmissionLimits(descriptors: 1024).requests[.files] == 128)
        #expect(AdmissionLimits(descriptors: 1 << 20).requests[.files] == 512)
    }
}
