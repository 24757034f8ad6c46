import Metainfo
import PeerWire
import SwarmCore
import Testing

/// A host that wants everything, and peers that say what the test has them say.
private struct SiteHost {
    static let pieces = 64
    static let pieceLength = 65_536
    static let perPiece = 4

    var machine: SwarmMachine
    var now = 0.0
    private(set) var said: [(key: PeerKey, message: Message)] = []
    private(set) var actions: [SwarmAction] = []

    init(have: PieceSet? = nil) throws {
        let layout = try testLayout(length: Self.pieces * Self.pieceLength, pieceLength: Self.pieceLength)
        machine = SwarmMachine(
            layout: layout, wanted: PieceSet(full: Self.pieces), have: have ?? PieceSet(size: Self.pieces), seed: 1,
            now: 0)
    }

    mutating func join(near: Bool, claims: Bool = true, has: [Int] = []) -> PeerKey {
        var traits = PeerTraits(supportsFast: true)
        traits.isNear = near
        traits.followsSuggestions = true
        traits.supportsGrants = true
        let key = machine.join(traits, now: now)
        var holdings = PieceSet(size: Self.pieces)
        for piece in has { holdings.insert(piece) }
        hear(has.isEmpty ? .haveNone : .bitfield(holdings.wireBytes), from: key)
        // As the extension handshake says it, which comes later.
        machine.update(key) { $0.supportsClaims = claims }
        drain()
        return key
    }

    mutating func unchoke(_ key: PeerKey) { hear(.unchoke, from: key) }

    mutating func hear(_ message: Message, from key: PeerKey) {
        machine.received(message, from: key, now: now)
        drain()
    }

    mutating func claim(_ piece: Int, by key: PeerKey, number: UInt32 = 0) {
        hear(.extended(.claim(piece: UInt32(piece), number: number)), from: key)
    }

    mutating func tick(after seconds: Double = 0.1) {
        now += seconds
        machine.tick(now: now)
        drain()
    }

    mutating func leave(_ key: PeerKey) {
        machine.leave(key, now: now)
        drain()
    }

    /// The peer sends the first thing that it was asked for and has not sent.
    @discardableResult
    mutating func send(from key: PeerKey) -> Int? {
        guard let span = machine.swarm.peers[key]?.outstanding.first(where: { !$0.isCancelled })?.span else {
            return nil
        }
        let placement = machine.beginBlock(span, from: key)
        machine.finishBlock(span, from: key, placement: placement, now: now)
        drain()
        return span.piece
    }

    private mutating func drain() {
        while machine.hasActions {
            for action in machine.takeActions() {
                actions.append(action)
                if case .send(let key, let message) = action { said.append((key, message)) }
                if case .verify(let piece, _) = action { machine.judged(piece, .stored(digests: []), now: now) }
            }
        }
    }

    /// Pieces that the peer is asked for just now.
    func asked(of key: PeerKey) -> Set<Int> {
        Set(machine.swarm.peers[key]?.outstanding.filter { !$0.isCancelled }.map(\.span.piece) ?? [])
    }

    mutating func takeClaims() -> [(key: PeerKey, piece: Int)] {
        defer { said = [] }
        return said.compactMap { said in
            if case .extended(.claim(let piece, _)) = said.message { (said.key, Int(piece)) } else { nil }
        }
    }

    var violations: Int {
        actions.count { if case .disconnect(_, .violation) = $0 { true } else { false } }
    }
}

@Suite struct SiteSwarmTests {
    @Test func `what is begun with a far peer is claimed with the near ones once`() throws {
        var host = try SiteHost()
        let near = [host.join(near: true), host.join(near: true)]
        let stranger = host.join(near: true, claims: false)
        let far = host.join(near: false, has: [3])
        host.unchoke(far)
        #expect(host.asked(of: far) == [3])
        let claims = host.takeClaims()
        #expect(Set(claims.map(\.key)) == Set(near))
        #expect(claims.allSatisfy { $0.piece == 3 })
        #expect(claims.count == 2)
        #expect(!claims.contains { $0.key == stranger })
        for _ in 0..<49 { host.tick() }
        #expect(host.takeClaims().isEmpty)
        for _ in 0..<5 { host.tick() }
        #expect(host.takeClaims().count == 2, "it is said again while the piece is coming")
        while host.send(from: far) != nil {}
        #expect(host.machine.have.contains(3))
        for _ in 0..<100 { host.tick() }
        #expect(host.takeClaims().isEmpty)
    }

    @Test func `nobody is far where nobody near knows claims`() throws {
        for near in [false, true] {
            var host = try SiteHost()
            _ = host.join(near: near, claims: !near, has: [1, 2, 3])
            let far = host.join(near: false, has: [1, 2, 3])
            host.unchoke(far)
            #expect(!host.asked(of: far).isEmpty)
            #expect(host.takeClaims().isEmpty)
        }
    }

    @Test func `what a near peer has is asked of no far one`() throws {
        var host = try SiteHost()
        let near = host.join(near: true, has: [1, 2])
        let far = host.join(near: false, has: [1, 2, 3])
        host.unchoke(far)
        #expect(host.asked(of: far) == [3])
        host.unchoke(near)
        #expect(host.asked(of: near).isSubset(of: [1, 2]))
        host.hear(.have(4), from: near)
        host.hear(.have(4), from: far)
        while host.send(from: far) != nil {}
        #expect(host.asked(of: far).isEmpty)
        host.hear(.extended(.dontHave(4)), from: near)
        host.tick()
        #expect(host.asked(of: far) == [4])
    }

    @Test func `what a near peer claims is asked of no far one until the claim is over`() throws {
        var host = try SiteHost()
        let near = host.join(near: true)
        let other = host.join(near: true)
        let far = host.join(near: false, has: [5])
        host.claim(5, by: near)
        host.unchoke(far)
        #expect(host.asked(of: far).isEmpty)
        host.leave(near)
        #expect(host.asked(of: far) == [5])
        #expect(host.takeClaims().map(\.key) == [other])
    }

    @Test func `a claim ends by itself`() throws {
        var host = try SiteHost()
        let near = host.join(near: true)
        let far = host.join(near: false, has: [5])
        host.claim(5, by: near)
        host.unchoke(far)
        for _ in 0..<149 { host.tick() }
        #expect(host.asked(of: far).isEmpty)
        for _ in 0..<5 { host.tick() }
        #expect(host.asked(of: far) == [5])
    }

    /// Each comes before the one before it goes, and lets no claim lapse.
    @Test func `whoever claims and comes again keeps nobody from content for long`() throws {
        var host = try SiteHost()
        let far = host.join(near: false, has: [5])
        var near = host.join(near: true)
        host.claim(5, by: near, number: 1000)
        host.unchoke(far)
        for round in 1...12 where host.asked(of: far).isEmpty {
            for _ in 0..<50 { host.tick() }
            let next = host.join(near: true)
            host.claim(5, by: next, number: 1000 - UInt32(round))
            host.leave(near)
            near = next
        }
        #expect(host.asked(of: far) == [5])
    }

    @Test func `of two who begin one piece one goes on`() throws {
        for wins in [true, false] {
            var host = try SiteHost()
            let near = host.join(near: true)
            let far = host.join(near: false, has: [5])
            host.unchoke(far)
            #expect(host.asked(of: far) == [5])
            host.claim(5, by: near, number: wins ? .max : 0)
            #expect(host.asked(of: far) == (wins ? [5] : []))
            #expect(host.machine.planner.open.count == (wins ? 1 : 0))
            // What comes all the same is no fault.
            if !wins { #expect(host.violations == 0) }
            host.unchoke(near)
            host.hear(.have(5), from: near)
            #expect(host.asked(of: near) == [5])
        }
    }

    @Test func `what has come of a piece is kept when another goes on`() throws {
        var host = try SiteHost()
        let near = host.join(near: true)
        let far = host.join(near: false, has: [5])
        host.unchoke(far)
        host.send(from: far)
        host.claim(5, by: near)
        #expect(host.asked(of: far).isEmpty)
        host.unchoke(near)
        host.hear(.have(5), from: near)
        var blocks = 0
        while host.send(from: near) != nil { blocks += 1 }
        #expect(blocks == SiteHost.perPiece - 1)
        #expect(host.machine.have.contains(5))
    }

    @Test func `a suggestion of a far seed is followed unless it is claimed`() throws {
        var host = try SiteHost()
        let near = host.join(near: true)
        let far = host.join(near: false, has: Array(0..<SiteHost.pieces))
        host.claim(7, by: near)
        host.hear(.suggest(7), from: far)
        host.hear(.suggest(9), from: far)
        host.unchoke(far)
        #expect(host.asked(of: far) == [9])
        #expect(host.takeClaims().map(\.piece) == [9])
    }

    @Test func `a turn is not taken for what is claimed`() throws {
        var host = try SiteHost()
        let near = host.join(near: true)
        let far = host.join(near: false, has: [7, 8])
        host.claim(7, by: near)
        host.hear(.extended(.grants(true)), from: far)
        host.unchoke(far)
        host.hear(.extended(.grant(7)), from: far)
        #expect(host.asked(of: far).isEmpty)
        host.hear(.extended(.grant(nil)), from: far)
        #expect(host.asked(of: far) == [8])
    }

    @Test func `a near seed that gives pieces out is not waited for`() throws {
        var host = try SiteHost()
        let seed = host.join(near: true, has: Array(0..<SiteHost.pieces))
        let far = host.join(near: false, has: [5])
        host.unchoke(far)
        #expect(host.asked(of: far).isEmpty)
        host.hear(.suggest(9), from: seed)
        host.tick()
        #expect(host.asked(of: far) == [5])
        for _ in 0..<55 { host.tick() }
        host.hear(.have(6), from: far)
        while host.send(from: far) != nil {}
        #expect(host.asked(of: far).isEmpty, "it gives no more out, and has everything")
    }

    @Test func `dead neighbours are not waited for`() throws {
        var host = try SiteHost()
        let near = host.join(near: true, has: [1, 2, 3])
        let far = host.join(near: false, has: [1, 2, 3])
        host.unchoke(far)
        for _ in 0..<99 { host.tick() }
        #expect(host.asked(of: far).isEmpty)
        for _ in 0..<110 { host.tick() }
        #expect(!host.asked(of: far).isEmpty)
        #expect(host.asked(of: near).isEmpty, "it chokes us")
    }

    @Test func `nothing is asked twice over the line before it is late`() throws {
        var have = PieceSet(full: SiteHost.pieces)
        have.remove(5)
        var host = try SiteHost(have: have)
        _ = host.join(near: true)
        let first = host.join(near: false, has: [5])
        let second = host.join(near: false, has: [5])
        host.unchoke(first)
        host.unchoke(second)
        #expect(host.asked(of: first) == [5])
        #expect(host.asked(of: second).isEmpty)
        for _ in 0..<85 { host.tick() }
        #expect(host.asked(of: second) == [5])
    }

    @Test func `a claim out of range is a violation and one from afar is not heard`() throws {
        var host = try SiteHost()
        let near = host.join(near: true)
        let far = host.join(near: false, has: [5])
        host.claim(5, by: far)
        host.unchoke(far)
        #expect(host.asked(of: far) == [5])
        #expect(host.violations == 0)
        host.claim(SiteHost.pieces, by: near)
        #expect(host.violations == 1)
    }

    @Test func `half of the buffers are for what comes from near`() throws {
        var host = try SiteHost()
        host.machine.planner.open.mostBytes = 8 * SiteHost.pieceLength
        _ = host.join(near: true)
        let far = (0..<8).map { host.join(near: false, has: [$0 * 2, $0 * 2 + 1]) }
        for key in far { host.unchoke(key) }
        #expect(host.machine.sites.ownCount == 4)
        #expect(host.machine.planner.open.count == 4)
    }

    @Test func `announcements may wait for those outside that do not wait for them`() throws {
        var host = try SiteHost()
        let far = host.join(near: false, has: [1, 2])
        #expect(host.machine.holdOfAnnouncement(of: 0, to: far) == 0, "nobody is near")
        let near = host.join(near: true)
        #expect(host.machine.holdOfAnnouncement(of: 0, to: far) > 0)
        #expect(host.machine.holdOfAnnouncement(of: 0, to: near) == 0)
        host.hear(.suggest(1), from: far)
        #expect(host.machine.holdOfAnnouncement(of: 0, to: far) == 0, "it gives the next when it hears of this one")
    }

    @Test func `who changes his mind too often is a holder`() throws {
        var host = try SiteHost()
        let seed = host.join(near: true, has: Array(0..<SiteHost.pieces))
        for _ in 0..<40 {
            host.hear(.extended(.grant(3)), from: seed)
            host.hear(.extended(.grant(nil)), from: seed)
        }
        host.hear(.extended(.grant(3)), from: seed)
        #expect(host.machine.sites.bars(5))
        #expect(host.machine.sites.copies(of: 5) == 1)
    }

    @Test func `who comes and goes is counted`() throws {
        var host = try SiteHost()
        let near = host.join(near: true, has: [1])
        #expect(!host.machine.sites.isDivided)
        let far = host.join(near: false, has: [1])
        #expect(host.machine.sites.isDivided)
        host.leave(near)
        #expect(!host.machine.sites.isDivided)
        host.leave(far)
        #expect(host.machine.sites.outsiders == 0)
        #expect(host.machine.sites.members == 0)
        #expect(host.machine.sites.held.isEmpty)
    }
}
