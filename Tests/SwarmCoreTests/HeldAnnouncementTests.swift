import Metainfo
import PeerWire
import SwarmCore
import Testing

/// Which `have` messages wait for each other.
@Suite struct HeldAnnouncementTests {
    private static let pieces = 64

    private func pieceSet(_ pieces: Range<Int>) -> PieceSet {
        var set = PieceSet(size: Self.pieces)
        for piece in pieces { set.insert(piece) }
        return set
    }

    /// A host with some pieces, and peers that have the first ones.
    private func host(have: Int, peers: Int, theirs: Int) throws -> (machine: SwarmMachine, keys: [PeerKey]) {
        let layout = try testLayout(length: Self.pieces * 65_536, pieceLength: 65_536)
        var machine = SwarmMachine(
            layout: layout, wanted: PieceSet(full: Self.pieces), have: pieceSet(0..<have), seed: 1, now: 0)
        let keys = (0..<peers).map { _ in
            let key = machine.join(PeerTraits(supportsFast: true), now: 0)
            machine.received(.bitfield(pieceSet(0..<theirs).wireBytes), from: key, now: 0)
            return key
        }
        return (machine, keys)
    }

    @Test func `among many peers announcements wait, longest to those that have the piece`() throws {
        let (machine, keys) = try host(have: 20, peers: 18, theirs: 20)
        let lacking = machine.holdOfAnnouncement(of: 40, to: keys[3])
        let having = machine.holdOfAnnouncement(of: 4, to: keys[3])
        #expect(lacking > 0 && lacking <= 0.1)
        #expect(having > lacking && having <= 0.5)
    }

    @Test(arguments: [(0.01, 0.02...0.1), (0.05, 0.1...0.3), (0.1, 0.3...0.5), (0.5, 1.0...1.0), (5, 1.0...1.0)])
    func `the slower pieces come, the longer announcements wait for each other`(
        interval: Double, expected: ClosedRange<Double>
    ) throws {
        let made = try host(have: 20, peers: 30, theirs: 20)
        var machine = made.machine
        let source = machine.join(PeerTraits(supportsFast: true), now: 0)
        machine.received(.haveAll, from: source, now: 0)
        machine.received(.unchoke, from: source, now: 0)
        var waiting: [BlockSpan] = []
        for block in 1...128 {
            let now = Double(block) * interval / 4
            machine.tick(now: now)
            waiting += machine.takeActions().compactMap { action in
                guard case .send(source, .request(let request)) = action else { return nil }
                return BlockSpan(piece: Int(request.index), begin: Int(request.begin), length: Int(request.length))
            }
            let span = try #require(waiting.first)
            waiting.removeFirst()
            let placement = machine.beginBlock(span, from: source)
            machine.finishBlock(span, from: source, placement: placement, now: now)
        }
        let hold = machine.holdOfAnnouncement(of: 63, to: made.keys[0])
        #expect(expected.contains(hold), "\(hold)")
        #expect(machine.holdOfAnnouncement(of: 4, to: made.keys[0]) >= max(0.5, hold))
    }

    @Test func `among a few peers nothing waits`() throws {
        let (machine, keys) = try host(have: 20, peers: 17, theirs: 20)
        for piece in [4, 40] { #expect(machine.holdOfAnnouncement(of: piece, to: keys[0]) == 0) }
    }

    @Test(arguments: [(3, 20), (20, 3)]) func `the first pieces are said at once`(have: Int, theirs: Int) throws {
        let (machine, keys) = try host(have: have, peers: 30, theirs: theirs)
        #expect(machine.holdOfAnnouncement(of: 62, to: keys[0]) == 0)
    }

    @Test func `a peer that gives the next piece when it hears of this one hears at once`() throws {
        let made = try host(have: 20, peers: 30, theirs: 64)
        var machine = made.machine
        var traits = PeerTraits(supportsFast: true)
        traits.supportsGrants = true
        traits.followsSuggestions = true
        let seed = machine.join(traits, now: 0)
        machine.received(.haveAll, from: seed, now: 0)
        machine.received(.extended(.grants(true)), from: seed, now: 0)
        machine.received(.extended(.grant(30)), from: seed, now: 0)
        #expect(machine.holdOfAnnouncement(of: 40, to: seed) == 0)
        #expect(machine.holdOfAnnouncement(of: 40, to: made.keys[0]) >= 0)
    }
}
