import Hashing
import Metainfo
import PeerWire
import SwarmCore
import Testing
import Text

/// One machine and sources that answer at once or not at all, without a clock of its own.
private struct SourceBench {
    var machine: SwarmMachine
    /// What each source was asked for and has not answered.
    var asked: [PeerKey: [BlockSpan]] = [:]
    var sent: [(PeerKey, Message)] = []
    var isFinished = false

    init(pieces: Int, pieceLength: Int = 32_768) throws {
        let layout = try testLayout(length: pieces * pieceLength, pieceLength: pieceLength)
        machine = SwarmMachine(
            layout: layout, wanted: PieceSet(full: pieces), have: PieceSet(size: pieces), seed: 1, now: 0)
    }

    static func set(_ pieces: some Sequence<Int>, of size: Int) -> PieceSet {
        var set = PieceSet(size: size)
        for piece in pieces { set.insert(piece) }
        return set
    }

    mutating func join(_ mask: PieceSet?) -> PeerKey {
        var traits = PeerTraits(supportsFast: true)
        traits.isWebSeed = true
        traits.mask = mask
        let key = machine.join(traits, now: 0)
        machine.tick(now: 0)
        drain()
        return key
    }

    mutating func joinPeer(at now: Double = 0) -> PeerKey {
        let key = machine.join(PeerTraits(supportsFast: true), now: now)
        machine.received(.haveAll, from: key, now: now)
        machine.received(.unchoke, from: key, now: now)
        drain()
        return key
    }

    mutating func drain() {
        while machine.hasActions {
            for action in machine.takeActions() {
                switch action {
                case .fetch(let key, let span): asked[key, default: []].append(span)
                case .cancelFetch(let key, let span): asked[key]?.removeAll { $0 == span }
                case .send(let key, let message): sent.append((key, message))
                case .verify(let piece, _): machine.judged(piece, .stored(digests: []), now: 0)
                case .finished: isFinished = true
                default: break
                }
            }
        }
    }

    func pieces(askedOf key: PeerKey) -> Set<Int> { Set(asked[key, default: []].map(\.piece)) }

    /// One source answers all it was asked for, and what it is then asked for, until it is asked for nothing.
    mutating func answerAll(_ key: PeerKey) {
        while let span = asked[key]?.first {
            asked[key]?.removeFirst()
            let placement = machine.beginBlock(span, from: key)
            machine.finishBlock(span, from: key, placement: placement, now: 0)
            drain()
        }
    }
}

@Suite struct `Sources with a share` {
    @Test func `are asked for the pieces of their share and for no other`() throws {
        var bench = try SourceBench(pieces: 20)
        let low = bench.join(SourceBench.set(0..<8, of: 20))
        let high = bench.join(SourceBench.set(8..<20, of: 20))
        bench.answerAll(low)
        #expect(bench.machine.have == SourceBench.set(0..<8, of: 20))
        bench.answerAll(high)
        #expect(bench.isFinished)
        #expect(bench.machine.credits[low] == Int64(8 * 32_768) && bench.machine.credits[high] == Int64(12 * 32_768))
        #expect(bench.machine.peerCredit == 0 && bench.machine.wastedBytes == 0)
    }

    @Test func `hand over what they were asked for when their share shrinks`() throws {
        var bench = try SourceBench(pieces: 4)
        let slow = bench.join(nil)
        #expect(!bench.pieces(askedOf: slow).isEmpty)
        let quick = bench.join(PieceSet(size: 4))
        #expect(bench.pieces(askedOf: quick).isEmpty)
        bench.machine.setHoldings(of: slow, to: SourceBench.set([0], of: 4), now: 0)
        bench.machine.setHoldings(of: quick, to: SourceBench.set([1, 2, 3], of: 4), now: 0)
        bench.drain()
        #expect(bench.pieces(askedOf: slow).isSubset(of: [0]))
        bench.answerAll(quick)
        #expect(bench.machine.have.isEmpty == false && !bench.machine.have.contains(0))
        bench.answerAll(slow)
        #expect(bench.isFinished && bench.machine.wastedBytes == 0)
    }

    @Test func `that pause owe nothing, and go on where they stopped`() throws {
        var bench = try SourceBench(pieces: 6)
        let key = bench.join(nil)
        // Half a piece is there when it pauses.
        let first = try #require(bench.asked[key]?.first)
        bench.asked[key]?.removeFirst()
        let placement = bench.machine.beginBlock(first, from: key)
        bench.machine.finishBlock(first, from: key, placement: placement, now: 0)
        bench.machine.setHoldings(of: key, to: PieceSet(size: 6), now: 0)
        bench.drain()
        #expect(bench.asked[key, default: []].isEmpty)
        for second in 1..<300 { bench.machine.tick(now: Double(second)) }
        bench.drain()
        #expect(bench.asked[key, default: []].isEmpty)
        bench.machine.setHoldings(of: key, to: PieceSet(full: 6), now: 300)
        bench.drain()
        #expect(bench.asked[key]?.contains(first) == false)
        bench.answerAll(key)
        #expect(bench.isFinished && bench.machine.wastedBytes == 0)
        #expect(bench.machine.credits[key] == Int64(6 * 32_768))
    }

    @Test func `keep the count of copies right through any changes`() throws {
        var random = SeededGenerator(seed: 4)
        var bench = try SourceBench(pieces: 12)
        var shares: [PeerKey: PieceSet] = [:]
        for _ in 0..<3 { shares[bench.join(PieceSet(size: 12))] = PieceSet(size: 12) }
        for _ in 0..<500 {
            let key = try #require(shares.keys.randomElement(using: &random))
            let share =
                Int.random(in: 0..<4, using: &random) == 0
                ? PieceSet(full: 12) : SourceBench.set((0..<12).filter { _ in Bool.random(using: &random) }, of: 12)
            bench.machine.setHoldings(of: key, to: share, now: 0)
            bench.drain()
            shares[key] = share
            for piece in 0..<12 {
                #expect(bench.machine.planner.picker.copies(of: piece) == shares.values.count { $0.contains(piece) })
            }
            for (key, share) in shares {
                #expect(bench.asked[key, default: []].allSatisfy { share.contains($0.piece) })
            }
        }
    }

    @Test func `count what they sent of the files that count, and nothing of others`() throws {
        var bench = try SourceBench(pieces: 3)
        bench.machine.countedFiles = [false]
        let key = bench.join(nil)
        bench.answerAll(key)
        #expect(bench.isFinished && bench.machine.credits[key] == 0)
    }
}

@Suite struct `Peers by policy` {
    @Test func `are asked for nothing while they are not to be, and told so`() throws {
        var bench = try SourceBench(pieces: 4)
        let peer = bench.joinPeer()
        func requests() -> Int { bench.sent.count { if case .request = $0.1 { true } else { false } } }
        #expect(requests() > 0)
        bench.machine.setAsksPeers(false, now: 1)
        bench.drain()
        let cancels = bench.sent.count { if case .cancel = $0.1 { true } else { false } }
        #expect(cancels == requests())
        #expect(bench.sent.last { $0.1 == .interested || $0.1 == .notInterested }?.1 == .notInterested)
        let before = requests()
        for second in 2..<20 { bench.machine.tick(now: Double(second)) }
        bench.drain()
        #expect(requests() == before)
        // What others hold can still be fetched from sources.
        let source = bench.join(nil)
        bench.answerAll(source)
        #expect(bench.isFinished && bench.machine.peerCredit == 0)
        _ = peer
    }

    @Test func `are not asked for pieces that are left to sources, until these are given back`() throws {
        var bench = try SourceBench(pieces: 6)
        let peer = bench.joinPeer()
        bench.machine.reserve(SourceBench.set([1, 2, 3], of: 6), now: 1)
        bench.drain()
        var open: Set<Int> = []
        for (_, message) in bench.sent {
            if case .request(let request) = message { open.insert(Int(request.index)) }
            if case .cancel(let request) = message { open.remove(Int(request.index)) }
        }
        #expect(open.isSubset(of: [0, 4, 5]))
        let before = bench.sent.count
        // A seed that suggests one of them is asked for others all the same.
        bench.machine.received(.suggest(2), from: peer, now: 2)
        for second in 2..<20 { bench.machine.tick(now: Double(second)) }
        bench.drain()
        let asked = bench.sent.dropFirst(before).compactMap { sent -> Int? in
            if case .request(let request) = sent.1 { Int(request.index) } else { nil }
        }
        #expect(Set(asked).isSubset(of: [0, 4, 5]))
        // That no peer has them is no lack of peers.
        #expect(bench.machine.piecesWithoutPeer.isEmpty)
        let source = bench.join(SourceBench.set([1, 2, 3], of: 6))
        // A source is asked for as much as fits its window, then for the rest.
        let first = bench.pieces(askedOf: source)
        #expect(!first.isEmpty && first.isSubset(of: [1, 2, 3]))
        bench.answerAll(source)
        #expect((1...3).allSatisfy { bench.machine.have.contains($0) })
        bench.machine.reserve(PieceSet(size: 6), now: 30)
        #expect(bench.machine.planner.reserved == nil)
    }

    @Test func `are asked again later`() throws {
        var bench = try SourceBench(pieces: 4)
        bench.machine.setAsksPeers(false, now: 0)
        _ = bench.joinPeer()
        #expect(!bench.sent.contains { if case .request = $0.1 { true } else { false } })
        bench.machine.setAsksPeers(true, now: 5)
        bench.drain()
        #expect(bench.sent.contains { if case .request = $0.1 { true } else { false } })
    }

    @Test func `are choked while nobody is to be served`() throws {
        var bench = try SourceBench(pieces: 2)
        let source = bench.join(nil)
        bench.answerAll(source)
        let peer = bench.machine.join(PeerTraits(supportsFast: true), now: 0)
        bench.machine.received(.haveNone, from: peer, now: 0)
        bench.machine.received(.interested, from: peer, now: 0)
        bench.machine.tick(now: 0.1)
        bench.drain()
        #expect(bench.sent.last { $0.1 == .choke || $0.1 == .unchoke }?.1 == .unchoke)
        bench.machine.setServing(false, now: 1)
        bench.drain()
        #expect(bench.sent.last { $0.1 == .choke || $0.1 == .unchoke }?.1 == .choke)
        for second in 2..<60 { bench.machine.tick(now: Double(second)) }
        bench.drain()
        #expect(bench.sent.last { $0.1 == .choke || $0.1 == .unchoke }?.1 == .choke)
        bench.machine.setServing(true, now: 60)
        bench.drain()
        #expect(bench.sent.last { $0.1 == .choke || $0.1 == .unchoke }?.1 == .unchoke)
    }

    @Test func `that lack a piece are told from sources that have it`() throws {
        var bench = try SourceBench(pieces: 5)
        _ = bench.join(nil)
        #expect(bench.machine.piecesWithoutPeer.isFull)
        let peer = bench.machine.join(PeerTraits(supportsFast: true), now: 0)
        bench.machine.received(.bitfield(SourceBench.set([0, 1, 4], of: 5).wireBytes), from: peer, now: 0)
        bench.drain()
        #expect(bench.machine.piecesWithoutPeer == SourceBench.set([2, 3], of: 5))
    }

    @Test func `and sources give stored pieces again that turned out wrong`() throws {
        var bench = try SourceBench(pieces: 5)
        let source = bench.join(nil)
        bench.answerAll(source)
        #expect(bench.isFinished)
        bench.isFinished = false
        bench.machine.refetch(1..<3, now: 1)
        bench.drain()
        #expect(!bench.machine.isFinished && bench.machine.missingPieces == 2)
        #expect(bench.pieces(askedOf: source) == [1, 2])
        bench.answerAll(source)
        #expect(bench.isFinished && bench.machine.have.isFull)
    }
}
