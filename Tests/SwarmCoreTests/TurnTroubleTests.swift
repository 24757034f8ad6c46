import Metainfo
import PeerWire
@testable import SwarmCore
import Testing
import Text

@Suite struct SlowReceivers {
    /// Gives turns for a while on a line of 80 pieces a second; who is in `still` takes nothing of its piece, or does
    /// not even answer.
    private func run(
        _ line: inout TurnLine, seconds: Double, still: Set<PeerKey>, answers: Bool = true
    ) -> Set<PeerKey> {
        var served: Set<PeerKey> = []
        let end = line.now + seconds
        while line.now < end {
            for turn in line.takeTurns() where answers || !still.contains(turn.key) {
                line.ask(max(0, turn.piece), by: turn.key)
                line.hear(.extended(.grantOver), from: turn.key)
                if !still.contains(turn.key) { line.waiting.append(turn.key) }
            }
            for key in line.waiting.prefix(4) {
                line.send(to: key, most: TurnLine.pieceLength)
                served.insert(key)
            }
            line.waiting.removeFirst(min(4, line.waiting.count))
            line.tick(after: 0.05)
            #expect(line.sumsAreRight)
        }
        return served
    }

    @Test(arguments: [1, 4, 10]) func aFewSlowOnesDoNotStopOthers(count: Int) throws {
        var line = try TurnLine(pieces: 2000, takers: 30)
        let still = Set(line.keys.prefix(count))
        line.tick()
        _ = run(&line, seconds: 5, still: still)
        let served = run(&line, seconds: 3, still: still)
        #expect(served.count == 30 - count)
        let promised = still.reduce(0) { $0 + (line.machine.swarm.peers[$1]?.grants.queued ?? 0) }
        #expect(promised == count * TurnLine.pieceLength, "one turn each, and no other before it is over")
    }

    @Test(arguments: [true, false]) func manyThatStandStillDoNotStopOthers(answer: Bool) throws {
        // More than go out meanwhile.
        var line = try TurnLine(pieces: 8000, takers: 60)
        let still = Set(line.keys.prefix(30))
        line.tick()
        _ = run(&line, seconds: 60, still: still, answers: answer)
        let served = run(&line, seconds: 3, still: still, answers: answer)
        #expect(served.count == 30)
    }

    @Test func manyThatTakeATrickleDoNotStopOthers() throws {
        var line = try TurnLine(pieces: 8000, takers: 60)
        let slow = Set(line.keys.prefix(30))
        line.tick()
        var served: Set<PeerKey> = []
        while line.now < 60 {
            served = run(&line, seconds: 3, still: slow)
            for key in slow { line.machine.uploaded(1000, to: key, now: line.now) }
        }
        #expect(served.count == 30)
    }

    @Test func whatLiesWithOneThatStandsStillIsGivenToAnother() throws {
        var line = try TurnLine(pieces: 40, takers: 30)
        line.tick()
        let first = line.takeTurns()
        let still = first[0]
        line.ask(still.piece, by: still.key)
        line.hear(.extended(.grantOver), from: still.key)
        var takers: Set<PeerKey> = []
        var turns = Array(first.dropFirst())
        while line.now < 20 {
            for turn in turns where turn.key != still.key {
                if turn.piece == still.piece { takers.insert(turn.key) }
                if turn.piece >= 0 { line.ask(turn.piece, by: turn.key) }
                line.hear(.extended(.grantOver), from: turn.key)
                line.send(to: turn.key)
            }
            line.tick(after: 0.05)
            turns = line.takeTurns()
        }
        #expect(takers.count == 1)
    }
}

@Suite struct HostileInTurns {
    @Test func theEndOfATurnThatWasNotGivenIsNothing() throws {
        var line = try TurnLine(takers: 30)
        let key = line.keys[0]
        line.hear(.extended(.grantOver), from: key)
        line.tick()
        _ = line.takeSaid()
        let idle = try #require(line.keys.first { line.machine.swarm.peers[$0]?.grants.given.isEmpty == true })
        for _ in 0..<5000 { line.hear(.extended(.grantOver), from: idle) }
        #expect(line.takeSaid().isEmpty)
        #expect(line.promised == TurnLine.atOnce * TurnLine.pieceLength)
    }

    @Test func askingWithoutATurnGetsNothingAndTakesNothingFromOthers() throws {
        var line = try TurnLine(takers: 30)
        line.tick()
        let turns = line.takeTurns()
        let greedy = try #require(line.keys.first { line.machine.swarm.peers[$0]?.grants.given.isEmpty == true })
        for piece in 0..<200 { line.ask(piece, by: greedy) }
        let rejects = line.takeSaid().messages(to: greedy).count { if case .reject = $0 { true } else { false } }
        #expect(rejects == 400)
        #expect(line.machine.peekUpload(to: greedy) == nil)
        for turn in turns { line.hear(.extended(.grantOver), from: turn.key) }
        #expect(line.takeTurns().count == TurnLine.atOnce)
    }

    @Test func aTurnIsForOnePiece() throws {
        var line = try TurnLine(takers: 30)
        line.tick()
        let turns = line.takeTurns()
        let greedy = turns[0].key
        for piece in 0..<200 { line.ask(piece, by: greedy) }
        #expect(line.promised <= (TurnLine.atOnce + 1) * TurnLine.pieceLength)
        line.hear(.extended(.grantOver), from: greedy)
        let bytes = line.send(to: greedy)
        #expect(bytes == TurnLine.pieceLength)
    }

    @Test func aPeerThatKnowsNoTurnsIsServedAsEver() throws {
        var line = try TurnLine(takers: 30)
        line.tick()
        let other = line.join(supportsGrants: false)
        for _ in 0..<3 { line.tick() }
        let isChoked = try #require(line.machine.swarm.peers[other]?.amChoking)
        #expect(!isChoked)
        line.ask(5, by: other)
        let bytes = line.send(to: other)
        #expect(bytes == TurnLine.pieceLength)
        line.hear(.extended(.grants(true)), from: other)
        #expect(line.machine.swarm.peers[other]?.grants.issuesGrants == false)
    }

    @Test func thousandsOfMessagesNeitherGrowNorLoop() throws {
        var line = try TurnLine(takers: 30)
        line.tick()
        let key = try #require(line.takeTurns().first?.key)
        var generator = SeededGenerator(seed: 9)
        for number in 0..<20_000 {
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: line.hear(.extended(.grantOver), from: key)
            case 1: line.hear(.extended(.grants(Bool.random(using: &generator))), from: key)
            case 2: line.hear(.extended(.grant(nil)), from: key)
            case 3: line.hear(.request(TurnLine.request(number % 256, 0)), from: key)
            case 4: line.hear(number % 2 == 0 ? .interested : .notInterested, from: key)
            default: line.hear(.cancel(TurnLine.request(number % 256, 0)), from: key)
            }
            if number % 50 == 0 { line.tick(after: 0.01) }
            if number % 50 == 0 { #expect(line.sumsAreRight) }
        }
        // No more than a few answers to each, and a bounded state.
        #expect(line.takeSaid().count < 60_000)
        let turns = try #require(line.machine.swarm.peers[key]?.grants)
        #expect(turns.given.count <= 4)
        #expect(turns.queued <= 6 * TurnLine.pieceLength)
    }

    @Test func refusingForeverDoesNotGrowTheSeed() throws {
        var generator = SeededGenerator(seed: 1)
        var dispatcher = PieceDispatcher(pieces: Array(0..<50), pieceCount: 50, using: &generator)
        var line = try TurnLine(takers: 1)
        let key = try #require(line.keys.first)
        for _ in 0..<100_000 {
            let piece = try #require(dispatcher.assign(to: key, now: 0) { _ in true })
            dispatcher.refused(piece, by: key)
        }
        #expect(dispatcher.queueLength < 10_000)
        #expect(!dispatcher.hasGivenAll)
        line.tick()
    }
}
