import Metainfo
import PeerWire
import SwarmCore
import Testing
import Text

@Suite struct WhenUploadsAreGranted {
    @Test func `below the threshold no grant is announced`() throws {
        var line = try GrantingHost(takers: 23)
        for _ in 0..<20 {
            // Neither those who want nothing count, nor those who know no grants.
            line.join(isInterested: false)
            line.join(supportsGrants: false)
            line.tick()
        }
        #expect(!line.takeSaid().areAboutGrants)
    }

    @Test func `from the threshold on, grants are announced to every peer that knows them`() throws {
        var line = try GrantingHost(takers: 24)
        let idle = line.join(isInterested: false)
        let other = line.join(supportsGrants: false)
        _ = line.takeSaid()
        line.tick()
        let said = line.takeSaid()
        #expect(said.receivers(of: .extended(.grants(true))).count == 25)
        #expect(said.messages(to: idle) == [.extended(.grants(true))])
        #expect(!said.filter { $0.key == other }.areAboutGrants)
        // Everybody in grants is unchoked: nobody needs a slot.
        let key = line.keys[5]
        let isChoked = line.machine.swarm.peers[key]?.amChoking
        #expect(isChoked == false)
    }

    @Test func `a host that had nothing grants its first piece too`() throws {
        var line = try GrantingHost(seed: false)
        for _ in 0..<23 { line.join(isInterested: false) }
        line.tick()
        #expect(!line.takeSaid().areAboutGrants)
        line.join(isInterested: false)
        line.tick()
        #expect(line.takeSaid().receivers(of: .extended(.grants(true))).count == 24)
        // Those that have everything will want nothing.
        for key in line.keys.prefix(13) { for piece in 0..<256 { line.hear(.have(UInt32(piece)), from: key) } }
        line.tick()
        #expect(line.takeSaid().receivers(of: .extended(.grants(false))).count == 24)
    }

    @Test func `grants are announced to a later peer when it is interested`() throws {
        var line = try GrantingHost(takers: 24)
        line.tick()
        _ = line.takeSaid()
        let late = line.join()
        let said = line.takeSaid().messages(to: late)
        #expect(said.contains(.extended(.grants(true))))
        #expect(said.contains(.unchoke))
    }

    @Test func `grants are announced to a peer that says only later that it knows them`() throws {
        var line = try GrantingHost(takers: 24)
        line.tick()
        let late = line.join(supportsGrants: false)
        line.tick()
        #expect(!line.takeSaid().filter { $0.key == late }.areAboutGrants)
        line.machine.update(late) { $0.supportsGrants = true }
        line.tick()
        #expect(line.takeSaid().messages(to: late).contains(.extended(.grants(true))))
    }

    @Test func `waiting requests are rejected when granting begins`() throws {
        var line = try GrantingHost(takers: 23)
        line.tick()
        let key = try #require(line.takeSaid().receivers(of: .unchoke).first)
        line.ask(7, by: key)
        line.join()
        _ = line.takeSaid()
        line.tick()
        let said = line.takeSaid().messages(to: key)
        let told = try #require(said.firstIndex(of: .extended(.grants(true))))
        for begin in [0, GrantingHost.requestLength] {
            let reject = try #require(said.firstIndex(of: .reject(GrantingHost.request(7, begin))))
            #expect(reject > told, "or it would be asked for again at once")
        }
        #expect(line.machine.peekUpload(to: key) == nil)
    }

    @Test func `below half the threshold every peer may ask again`() throws {
        var line = try GrantingHost(takers: 24)
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
        #expect(!line.takeSaid().areAboutGrants)
    }
}

@Suite struct WhatIsGranted {
    @Test func `a seed grants each piece once until all are granted`() throws {
        var line = try GrantingHost(pieces: 64, takers: 30)
        line.tick()
        var named: [Int] = []
        for _ in 0..<2000 where named.count < 64 {
            let grants = line.takeGrants()
            if grants.isEmpty { line.tick() }
            for grant in grants where grant.piece >= 0 {
                named.append(grant.piece)
                line.ask(grant.piece, by: grant.key)
                line.hear(.extended(.grantOver), from: grant.key)
                let sent = line.send(to: grant.key)
                #expect(sent == GrantingHost.pieceLength)
            }
        }
        #expect(named.sorted() == Array(0..<64))
        // Then everybody chooses.
        line.tick(after: 1)
        #expect(line.takeGrants().isEmpty, "what was given has come to nobody yet")
        line.tick(after: 1.5)
        let grants = line.takeGrants()
        #expect(!grants.isEmpty)
        #expect(grants.allSatisfy { $0.piece == -1 })
    }

    @Test func `a refused piece is granted to another peer`() throws {
        var line = try GrantingHost(pieces: 30, takers: 24)
        line.tick()
        let refused = try #require(line.takeGrants().first)
        line.hear(.extended(.grantOver), from: refused.key)
        var seen: [PeerKey] = []
        for _ in 0..<200 {
            for grant in line.takeGrants() {
                if grant.piece == refused.piece { seen.append(grant.key) }
                if grant.piece >= 0 { line.ask(grant.piece, by: grant.key) }
                line.hear(.extended(.grantOver), from: grant.key)
                line.send(to: grant.key)
            }
            line.tick(after: 0.01)
        }
        #expect(seen.count == 1)
        #expect(seen != [refused.key], "who had a grant last is not next")
    }

    /// It was asked for before grants began, and comes when another piece was named.
    @Test func `a request for another piece than the granted one is rejected, and the piece left for others`() throws {
        var line = try GrantingHost(pieces: 40, takers: 24)
        line.tick()
        let grant = try #require(line.takeGrants().first)
        let late = (grant.piece + 20) % 40
        line.hear(.request(GrantingHost.request(late, 0)), from: grant.key)
        line.ask(grant.piece, by: grant.key)
        let said = line.takeSaid().messages(to: grant.key)
        #expect(said == [.reject(GrantingHost.request(late, 0))])
        line.hear(.extended(.grantOver), from: grant.key)
        let sent = line.send(to: grant.key)
        #expect(sent == GrantingHost.pieceLength)
        var named = 0
        for _ in 0..<200 {
            for grant in line.takeGrants() where grant.piece >= 0 {
                named += grant.piece == late ? 1 : 0
                line.ask(grant.piece, by: grant.key)
                line.hear(.extended(.grantOver), from: grant.key)
                line.send(to: grant.key)
            }
            line.tick(after: 0.01)
        }
        #expect(named == 1)
    }

    @Test func `a peer that is behind gets more grants`() throws {
        var line = try GrantingHost(pieces: 2000, takers: 48)
        for key in line.keys { for piece in 0..<16 { line.hear(.have(UInt32(piece)), from: key) } }
        let behind = line.keys[7]
        for key in line.keys where key != behind {
            for piece in 16..<22 { line.hear(.have(UInt32(piece)), from: key) }
        }
        line.tick()
        var grants: [PeerKey: Int] = [:]
        for _ in 0..<300 {
            for grant in line.takeGrants() where grant.piece >= 0 {
                grants[grant.key, default: 0] += 1
                line.ask(grant.piece, by: grant.key)
                line.hear(.extended(.grantOver), from: grant.key)
                line.send(to: grant.key)
            }
            line.tick(after: 0.01)
        }
        let others = grants.filter { $0.key != behind }.values
        let mean = Double(others.reduce(0, +)) / Double(others.count)
        #expect(Double(grants[behind] ?? 0) > 1.25 * mean)
        #expect(Double(grants[behind] ?? 0) < 2.2 * mean, "half of the round sooner is twice as often")
        #expect(others.allSatisfy { Double($0) > 0.9 * mean }, "and nobody starves")
    }

    @Test func `no more than five pieces are granted while no peer is slow`() throws {
        var line = try GrantingHost(takers: 40)
        var generator = SeededGenerator(seed: 3)
        line.tick()
        var waiting: [(key: PeerKey, piece: Int)] = []
        var asked: [PeerKey] = []
        var sent = 0
        for step in 0..<3000 {
            waiting += line.takeGrants()
            #expect(line.promised <= GrantingHost.atOnce * GrantingHost.pieceLength)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0 where !waiting.isEmpty:
                let grant = waiting.removeFirst()
                if Bool.random(using: &generator) {
                    line.ask(max(0, grant.piece), by: grant.key)
                    asked.append(grant.key)
                }
                line.hear(.extended(.grantOver), from: grant.key)
            case 1 where !asked.isEmpty: sent += line.send(to: asked.removeFirst())
            default: break
            }
            // Within the time of a measure, and never so long that anybody is slow.
            if step % 10 == 0 { line.tick(after: 0.001) }
        }
        #expect(sent > 50 * GrantingHost.pieceLength)
    }

    @Test func `a peer that used no grant is passed over for a while`() throws {
        var line = try GrantingHost(pieces: 4000, takers: 24)
        line.tick()
        var grants = line.takeGrants()
        let key = try #require(grants.first?.key)
        var pauses: [Double] = []
        for _ in 0..<8 {
            line.hear(.extended(.grantOver), from: key)
            grants.removeAll { $0.key == key }
            let end = try #require(line.machine.swarm.peers[key]?.grants.pausedUntil)
            pauses.append(end - line.now)
            for _ in 0..<1000 {
                // The line is as fast as a piece each time.
                if let next = grants.firstIndex(where: { $0.key != key }) {
                    let grant = grants.remove(at: next)
                    line.ask(max(0, grant.piece), by: grant.key)
                    line.hear(.extended(.grantOver), from: grant.key)
                    line.send(to: grant.key)
                }
                grants += line.takeGrants()
                if grants.contains(where: { $0.key == key }) { break }
                line.tick(after: 0.01)
            }
            #expect(line.now >= end)
        }
        #expect(zip(pauses, [0.05, 0.1, 0.2, 0.4, 0.5, 0.5, 0.5, 0.5]).allSatisfy { abs($0 - $1) < 1e-9 })
    }
}

@Suite struct GrantsThatComeBack {
    /// Five have a grant, and four asked for all of it.
    private func busy() throws -> (line: GrantingHost, grants: [(key: PeerKey, piece: Int)]) {
        var line = try GrantingHost(takers: 30)
        line.tick()
        let grants = line.takeGrants()
        #expect(grants.count == GrantingHost.atOnce)
        for grant in grants.dropLast() {
            line.ask(grant.piece, by: grant.key)
            line.hear(.extended(.grantOver), from: grant.key)
        }
        #expect(line.takeGrants().isEmpty, "the line is spoken for")
        #expect(line.promised == GrantingHost.atOnce * GrantingHost.pieceLength)
        return (line, grants)
    }

    @Test(arguments: [0, 4]) func `those of a peer that leaves`(number: Int) throws {
        var (line, grants) = try busy()
        line.leave(grants[number].key)
        line.tick()
        let next = line.takeGrants()
        #expect(next.count == 1)
        #expect(line.promised == GrantingHost.atOnce * GrantingHost.pieceLength)
        #expect(line.sumsAreRight)
    }

    @Test func `those of a peer that no longer knows them`() throws {
        var (line, grants) = try busy()
        line.machine.update(grants[0].key) { $0.supportsGrants = false }
        #expect(line.promised == (GrantingHost.atOnce - 1) * GrantingHost.pieceLength)
        #expect(line.sumsAreRight)
        line.tick()
        let next = line.takeGrants()
        #expect(next.count == 1 && next.allSatisfy { $0.key != grants[0].key })
    }

    @Test func `those of a peer that cancels`() throws {
        var (line, grants) = try busy()
        for begin in [0, GrantingHost.requestLength] {
            line.hear(.cancel(GrantingHost.request(grants[1].piece, begin)), from: grants[1].key)
        }
        #expect(line.takeGrants().count == 1)
        #expect(line.machine.swarm.peers[grants[1].key]?.grants.queued == 0)
        #expect(line.sumsAreRight)
    }

    @Test func `those of a peer whose block cannot be sent`() throws {
        var (line, grants) = try busy()
        while let span = line.machine.nextUpload(to: grants[0].key) {
            line.machine.uploadFailed(span, to: grants[0].key, now: line.now)
        }
        line.tick()
        #expect(line.takeGrants().count == 1)
    }

    @Test func `all, when no peer is served`() throws {
        var (line, grants) = try busy()
        line.machine.setServing(false, now: line.now)
        line.tick()
        let said = line.takeSaid()
        #expect(Set(said.receivers(of: .choke)) == Set(line.keys))
        #expect(said.compactMap(GrantingHost.grant).isEmpty)
        #expect(line.promised == 0)
        #expect(line.machine.peekUpload(to: grants[0].key) == nil)
        line.machine.setServing(true, now: line.now)
        line.tick()
        #expect(line.takeGrants().count == GrantingHost.atOnce)
    }
}
