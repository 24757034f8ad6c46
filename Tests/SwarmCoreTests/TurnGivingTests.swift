import Metainfo
import PeerWire
@testable import SwarmCore
import Testing
import Text

@Suite struct WhenTurnsAreGiven {
    @Test func belowTheThresholdNothingIsSaidOfTurns() throws {
        var line = try TurnLine(takers: 23)
        for _ in 0..<20 {
            // Neither those who want nothing count, nor those who know no turns.
            line.join(isInterested: false)
            line.join(supportsGrants: false)
            line.tick()
        }
        #expect(!line.takeSaid().areAboutTurns)
    }

    @Test func fromTheThresholdEverybodyWhoKnowsTurnsIsTold() throws {
        var line = try TurnLine(takers: 24)
        let idle = line.join(isInterested: false)
        let other = line.join(supportsGrants: false)
        _ = line.takeSaid()
        line.tick()
        let said = line.takeSaid()
        #expect(said.receivers(of: .extended(.grants(true))).count == 25)
        #expect(said.messages(to: idle) == [.extended(.grants(true))])
        #expect(!said.filter { $0.key == other }.areAboutTurns)
        // Everybody in turns is unchoked: nobody needs a slot.
        let key = line.keys[5]
        let isChoked = line.machine.swarm.peers[key]?.amChoking
        #expect(isChoked == false)
    }

    @Test func whoHasNothingYetGivesItsFirstPieceInTurns() throws {
        var line = try TurnLine(seed: false)
        for _ in 0..<23 { line.join(isInterested: false) }
        line.tick()
        #expect(!line.takeSaid().areAboutTurns)
        line.join(isInterested: false)
        line.tick()
        #expect(line.takeSaid().receivers(of: .extended(.grants(true))).count == 24)
        // Those that have everything will want nothing.
        for key in line.keys.prefix(13) { for piece in 0..<256 { line.hear(.have(UInt32(piece)), from: key) } }
        line.tick()
        #expect(line.takeSaid().receivers(of: .extended(.grants(false))).count == 24)
    }

    @Test func whoComesLaterIsToldWhenItWantsSomething() throws {
        var line = try TurnLine(takers: 24)
        line.tick()
        _ = line.takeSaid()
        let late = line.join()
        let said = line.takeSaid().messages(to: late)
        #expect(said.contains(.extended(.grants(true))))
        #expect(said.contains(.unchoke))
    }

    @Test func whoTellsOnlyLaterThatItTakesTurnsIsTold() throws {
        var line = try TurnLine(takers: 24)
        line.tick()
        let late = line.join(supportsGrants: false)
        line.tick()
        #expect(!line.takeSaid().filter { $0.key == late }.areAboutTurns)
        line.machine.update(late) { $0.supportsGrants = true }
        line.tick()
        #expect(line.takeSaid().messages(to: late).contains(.extended(.grants(true))))
    }

    @Test func whatWaitsIsRejectedWhenTurnsBegin() throws {
        var line = try TurnLine(takers: 23)
        line.tick()
        let key = try #require(line.takeSaid().receivers(of: .unchoke).first)
        line.ask(7, by: key)
        line.join()
        _ = line.takeSaid()
        line.tick()
        let said = line.takeSaid().messages(to: key)
        let told = try #require(said.firstIndex(of: .extended(.grants(true))))
        for begin in [0, TurnLine.requestLength] {
            let reject = try #require(said.firstIndex(of: .reject(TurnLine.request(7, begin))))
            #expect(reject > told, "or it would be asked for again at once")
        }
        #expect(line.machine.peekUpload(to: key) == nil)
    }

    @Test func belowHalfTheThresholdEverybodyMayAskAgain() throws {
        var line = try TurnLine(takers: 24)
        line.tick()
        for _ in 0..<12 { line.leave(line.keys[0]) }
        _ = line.takeSaid()
        line.tick()
        #expect(line.takeSaid().receivers(of: .extended(.grants(false))).isEmpty)
        line.hear(.notInterested, from: line.keys[0])
        line.tick()
        #expect(Set(line.takeSaid().receivers(of: .extended(.grants(false)))) == Set(line.keys))
        #expect(line.promised == 0)
        for _ in 0..<20 { line.tick() }
        #expect(!line.takeSaid().areAboutTurns)
    }
}

@Suite struct WhatTurnsArePromised {
    @Test func aSeedNamesEachPieceOnceUntilAllAreGiven() throws {
        var line = try TurnLine(pieces: 64, takers: 30)
        line.tick()
        var named: [Int] = []
        for _ in 0..<2000 where named.count < 64 {
            let turns = line.takeTurns()
            if turns.isEmpty { line.tick() }
            for turn in turns where turn.piece >= 0 {
                named.append(turn.piece)
                line.ask(turn.piece, by: turn.key)
                line.hear(.extended(.grantOver), from: turn.key)
                let sent = line.send(to: turn.key)
                #expect(sent == TurnLine.pieceLength)
            }
        }
        #expect(named.sorted() == Array(0..<64))
        // Then everybody chooses.
        line.tick(after: 1)
        #expect(line.takeTurns().isEmpty, "what was given has come to nobody yet")
        line.tick(after: 1.5)
        let turns = line.takeTurns()
        #expect(!turns.isEmpty)
        #expect(turns.allSatisfy { $0.piece == -1 })
    }

    @Test func aRefusedPieceIsGivenToAnother() throws {
        var line = try TurnLine(pieces: 30, takers: 24)
        line.tick()
        let refused = try #require(line.takeTurns().first)
        line.hear(.extended(.grantOver), from: refused.key)
        var seen: [PeerKey] = []
        for _ in 0..<200 {
            for turn in line.takeTurns() {
                if turn.piece == refused.piece { seen.append(turn.key) }
                if turn.piece >= 0 { line.ask(turn.piece, by: turn.key) }
                line.hear(.extended(.grantOver), from: turn.key)
                line.send(to: turn.key)
            }
            line.tick(after: 0.01)
        }
        #expect(seen.count == 1)
        #expect(seen != [refused.key], "who had a turn last is not next")
    }

    /// It was asked for before turns began, and comes when another piece was named.
    @Test func whatANamedTurnIsNotForIsRefusedAndLeftForOthers() throws {
        var line = try TurnLine(pieces: 40, takers: 24)
        line.tick()
        let turn = try #require(line.takeTurns().first)
        let late = (turn.piece + 20) % 40
        line.hear(.request(TurnLine.request(late, 0)), from: turn.key)
        line.ask(turn.piece, by: turn.key)
        let said = line.takeSaid().messages(to: turn.key)
        #expect(said == [.reject(TurnLine.request(late, 0))])
        line.hear(.extended(.grantOver), from: turn.key)
        let sent = line.send(to: turn.key)
        #expect(sent == TurnLine.pieceLength)
        var named = 0
        for _ in 0..<200 {
            for turn in line.takeTurns() where turn.piece >= 0 {
                named += turn.piece == late ? 1 : 0
                line.ask(turn.piece, by: turn.key)
                line.hear(.extended(.grantOver), from: turn.key)
                line.send(to: turn.key)
            }
            line.tick(after: 0.01)
        }
        #expect(named == 1)
    }

    @Test func whoIsBehindHasMoreTurns() throws {
        var line = try TurnLine(pieces: 2000, takers: 48)
        for key in line.keys { for piece in 0..<16 { line.hear(.have(UInt32(piece)), from: key) } }
        let behind = line.keys[7]
        for key in line.keys where key != behind {
            for piece in 16..<22 { line.hear(.have(UInt32(piece)), from: key) }
        }
        line.tick()
        var turns: [PeerKey: Int] = [:]
        for _ in 0..<300 {
            for turn in line.takeTurns() where turn.piece >= 0 {
                turns[turn.key, default: 0] += 1
                line.ask(turn.piece, by: turn.key)
                line.hear(.extended(.grantOver), from: turn.key)
                line.send(to: turn.key)
            }
            line.tick(after: 0.01)
        }
        let others = turns.filter { $0.key != behind }.values
        let mean = Double(others.reduce(0, +)) / Double(others.count)
        #expect(Double(turns[behind] ?? 0) > 1.25 * mean)
        #expect(Double(turns[behind] ?? 0) < 2.2 * mean, "half of the round sooner is twice as often")
        #expect(others.allSatisfy { Double($0) > 0.9 * mean }, "and nobody starves")
    }

    @Test func notMoreThanFivePiecesArePromisedWhileNobodyIsSlow() throws {
        var line = try TurnLine(takers: 40)
        var generator = SeededGenerator(seed: 3)
        line.tick()
        var waiting: [(key: PeerKey, piece: Int)] = []
        var asked: [PeerKey] = []
        var sent = 0
        for step in 0..<3000 {
            waiting += line.takeTurns()
            #expect(line.promised <= TurnLine.atOnce * TurnLine.pieceLength)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0 where !waiting.isEmpty:
                let turn = waiting.removeFirst()
                if Bool.random(using: &generator) {
                    line.ask(max(0, turn.piece), by: turn.key)
                    asked.append(turn.key)
                }
                line.hear(.extended(.grantOver), from: turn.key)
            case 1 where !asked.isEmpty: sent += line.send(to: asked.removeFirst())
            default: break
            }
            // Within the time of a measure, and never so long that anybody is slow.
            if step % 10 == 0 { line.tick(after: 0.001) }
        }
        #expect(sent > 50 * TurnLine.pieceLength)
    }

    @Test func whoTookNothingIsPassedOverForAWhile() throws {
        var line = try TurnLine(pieces: 4000, takers: 24)
        line.tick()
        var turns = line.takeTurns()
        let key = try #require(turns.first?.key)
        var pauses: [Double] = []
        for _ in 0..<8 {
            line.hear(.extended(.grantOver), from: key)
            turns.removeAll { $0.key == key }
            let end = try #require(line.machine.swarm.peers[key]?.grants.pausedUntil)
            pauses.append(end - line.now)
            for _ in 0..<1000 {
                // The line is as fast as a piece each time.
                if let next = turns.firstIndex(where: { $0.key != key }) {
                    let turn = turns.remove(at: next)
                    line.ask(max(0, turn.piece), by: turn.key)
                    line.hear(.extended(.grantOver), from: turn.key)
                    line.send(to: turn.key)
                }
                turns += line.takeTurns()
                if turns.contains(where: { $0.key == key }) { break }
                line.tick(after: 0.01)
            }
            #expect(line.now >= end)
        }
        #expect(zip(pauses, [0.02, 0.04, 0.08, 0.1, 0.1, 0.1, 0.1, 0.1]).allSatisfy { abs($0 - $1) < 1e-9 })
    }
}

@Suite struct WhatComesBack {
    /// Five have a turn, and four asked for all of it.
    private func busy() throws -> (line: TurnLine, turns: [(key: PeerKey, piece: Int)]) {
        var line = try TurnLine(takers: 30)
        line.tick()
        let turns = line.takeTurns()
        #expect(turns.count == TurnLine.atOnce)
        for turn in turns.dropLast() {
            line.ask(turn.piece, by: turn.key)
            line.hear(.extended(.grantOver), from: turn.key)
        }
        #expect(line.takeTurns().isEmpty, "the line is spoken for")
        #expect(line.promised == TurnLine.atOnce * TurnLine.pieceLength)
        return (line, turns)
    }

    @Test(arguments: [0, 4]) func ofOneThatLeaves(number: Int) throws {
        var (line, turns) = try busy()
        line.leave(turns[number].key)
        line.tick()
        let next = line.takeTurns()
        #expect(next.count == 1)
        #expect(line.promised == TurnLine.atOnce * TurnLine.pieceLength)
        #expect(line.sumsAreRight)
    }

    @Test func ofOneThatNoLongerTakesTurns() throws {
        var (line, turns) = try busy()
        line.machine.update(turns[0].key) { $0.supportsGrants = false }
        #expect(line.promised == (TurnLine.atOnce - 1) * TurnLine.pieceLength)
        #expect(line.sumsAreRight)
        line.tick()
        let next = line.takeTurns()
        #expect(next.count == 1 && next.allSatisfy { $0.key != turns[0].key })
    }

    @Test func ofOneThatCancels() throws {
        var (line, turns) = try busy()
        for begin in [0, TurnLine.requestLength] {
            line.hear(.cancel(TurnLine.request(turns[1].piece, begin)), from: turns[1].key)
        }
        #expect(line.takeTurns().count == 1)
        #expect(line.machine.swarm.peers[turns[1].key]?.grants.queued == 0)
        #expect(line.sumsAreRight)
    }

    @Test func ofOneWhoseBlockCannotBeSent() throws {
        var (line, turns) = try busy()
        while let span = line.machine.nextUpload(to: turns[0].key) {
            line.machine.uploadFailed(span, to: turns[0].key, now: line.now)
        }
        line.tick()
        #expect(line.takeTurns().count == 1)
    }

    @Test func ofAllWhenNobodyIsServed() throws {
        var (line, turns) = try busy()
        line.machine.setServing(false, now: line.now)
        line.tick()
        let said = line.takeSaid()
        #expect(Set(said.receivers(of: .choke)) == Set(line.keys))
        #expect(said.compactMap(TurnLine.grant).isEmpty)
        #expect(line.promised == 0)
        #expect(line.machine.peekUpload(to: turns[0].key) == nil)
        line.machine.setServing(true, now: line.now)
        line.tick()
        #expect(line.takeTurns().count == TurnLine.atOnce)
    }
}
