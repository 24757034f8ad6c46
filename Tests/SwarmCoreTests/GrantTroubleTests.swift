import Metainfo
import PeerWire
import SwarmCore
import Testing
import Text

@Suite struct SlowReceivers {
    /// Gives grants for a while on an uplink of 80 pieces a second; who is in `still` takes nothing of its piece, or does
    /// not even answer.
    private func run(
        _ line: inout GrantingHost, seconds: Double, still: Set<PeerKey>, answers: Bool = true
    ) -> Set<PeerKey> {
        var served: Set<PeerKey> = []
        let end = line.now + seconds
        while line.now < end {
            for grant in line.takeGrants() where answers || !still.contains(grant.key) {
                line.ask(max(0, grant.piece), by: grant.key)
                line.hear(.extended(.grantOver), from: grant.key)
                if !still.contains(grant.key) { line.waiting.append(grant.key) }
            }
            for key in line.waiting.prefix(4) {
                line.send(to: key, most: GrantingHost.pieceLength)
                served.insert(key)
            }
            line.waiting.removeFirst(min(4, line.waiting.count))
            line.tick(after: 0.05)
            #expect(line.sumsAreRight)
        }
        return served
    }

    @Test(arguments: [1, 4, 10]) func `a few slow ones do not stop others`(count: Int) throws {
        var line = try GrantingHost(pieces: 2000, takers: 30)
        let still = Set(line.keys.prefix(count))
        line.tick()
        _ = run(&line, seconds: 5, still: still)
        let served = run(&line, seconds: 3, still: still)
        #expect(served.count == 30 - count)
        let promised = still.reduce(0) { $0 + (line.machine.swarm.peers[$1]?.grants.queued ?? 0) }
        #expect(promised == count * GrantingHost.pieceLength, "one grant each, and no other before it is over")
    }

    @Test(arguments: [true, false]) func `many that stand still do not stop others`(answer: Bool) throws {
        // More than go out meanwhile.
        var line = try GrantingHost(pieces: 8000, takers: 60)
        let still = Set(line.keys.prefix(30))
        line.tick()
        _ = run(&line, seconds: 60, still: still, answers: answer)
        let served = run(&line, seconds: 3, still: still, answers: answer)
        #expect(served.count == 30)
    }

    @Test func `many that take a trickle do not stop others`() throws {
        var line = try GrantingHost(pieces: 8000, takers: 60)
        let slow = Set(line.keys.prefix(30))
        line.tick()
        var served: Set<PeerKey> = []
        while line.now < 60 {
            served = run(&line, seconds: 3, still: slow)
            for key in slow { line.machine.uploaded(1000, to: key, now: line.now) }
        }
        #expect(served.count == 30)
    }

    @Test func `what lies with one that stands still is given to another`() throws {
        var line = try GrantingHost(pieces: 40, takers: 30)
        line.tick()
        let first = line.takeGrants()
        let still = first[0]
        line.ask(still.piece, by: still.key)
        line.hear(.extended(.grantOver), from: still.key)
        var takers: Set<PeerKey> = []
        var grants = Array(first.dropFirst())
        while line.now < 20 {
            for grant in grants where grant.key != still.key {
                if grant.piece == still.piece { takers.insert(grant.key) }
                if grant.piece >= 0 { line.ask(grant.piece, by: grant.key) }
                line.hear(.extended(.grantOver), from: grant.key)
                line.send(to: grant.key)
            }
            line.tick(after: 0.05)
            grants = line.takeGrants()
        }
        #expect(takers.count == 1)
    }
}

@Suite struct HostileUseOfGrants {
    @Test func `the end of a grant that was not given is ignored`() throws {
        var line = try GrantingHost(takers: 30)
        let key = line.keys[0]
        line.hear(.extended(.grantOver), from: key)
        line.tick()
        _ = line.takeSaid()
        let idle = try #require(line.keys.first { line.machine.swarm.peers[$0]?.grants.given.isEmpty == true })
        for _ in 0..<5000 { line.hear(.extended(.grantOver), from: idle) }
        #expect(line.takeSaid().isEmpty)
        #expect(line.promised == GrantingHost.atOnce * GrantingHost.pieceLength)
    }

    @Test func `asking without a grant gets nothing and takes nothing from others`() throws {
        var line = try GrantingHost(takers: 30)
        line.tick()
        let grants = line.takeGrants()
        let greedy = try #require(line.keys.first { line.machine.swarm.peers[$0]?.grants.given.isEmpty == true })
        for piece in 0..<200 { line.ask(piece, by: greedy) }
        let rejects = line.takeSaid().messages(to: greedy).count { if case .reject = $0 { true } else { false } }
        #expect(rejects == 400)
        #expect(line.machine.peekUpload(to: greedy) == nil)
        for grant in grants { line.hear(.extended(.grantOver), from: grant.key) }
        #expect(line.takeGrants().count == GrantingHost.atOnce)
    }

    @Test func `a grant is for one piece`() throws {
        var line = try GrantingHost(takers: 30)
        line.tick()
        let grants = line.takeGrants()
        let greedy = grants[0].key
        for piece in 0..<200 { line.ask(piece, by: greedy) }
        #expect(line.promised <= (GrantingHost.atOnce + 1) * GrantingHost.pieceLength)
        line.hear(.extended(.grantOver), from: greedy)
        let bytes = line.send(to: greedy)
        #expect(bytes == GrantingHost.pieceLength)
    }

    @Test func `a peer that knows no grants is served as ever`() throws {
        var line = try GrantingHost(takers: 30)
        line.tick()
        let other = line.join(supportsGrants: false)
        for _ in 0..<3 { line.tick() }
        let isChoked = try #require(line.machine.swarm.peers[other]?.amChoking)
        #expect(!isChoked)
        line.ask(5, by: other)
        let bytes = line.send(to: other)
        #expect(bytes == GrantingHost.pieceLength)
        line.hear(.extended(.grants(true)), from: other)
        #expect(line.machine.swarm.peers[other]?.grants.issuesGrants == false)
    }

    @Test func `thousands of messages neither grow nor loop`() throws {
        var line = try GrantingHost(takers: 30)
        line.tick()
        let key = try #require(line.takeGrants().first?.key)
        var generator = SeededGenerator(seed: 9)
        for number in 0..<20_000 {
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: line.hear(.extended(.grantOver), from: key)
            case 1: line.hear(.extended(.grants(Bool.random(using: &generator))), from: key)
            case 2: line.hear(.extended(.grant(nil)), from: key)
            case 3: line.hear(.request(GrantingHost.request(number % 256, 0)), from: key)
            case 4: line.hear(number % 2 == 0 ? .interested : .notInterested, from: key)
            default: line.hear(.cancel(GrantingHost.request(number % 256, 0)), from: key)
            }
            if number % 50 == 0 { line.tick(after: 0.01) }
            if number % 50 == 0 { #expect(line.sumsAreRight) }
        }
        // No more than a few answers to each, and a bounded state.
        #expect(line.takeSaid().count < 60_000)
        let grants = try #require(line.machine.swarm.peers[key]?.grants)
        #expect(grants.given.count <= 4)
        #expect(grants.queued <= 6 * GrantingHost.pieceLength)
    }

    @Test func `refusing forever does not grow the seed`() throws {
        var generator = SeededGenerator(seed: 1)
        var dispatcher = PieceDispatcher(pieces: Array(0..<50), pieceCount: 50, using: &generator)
        var line = try GrantingHost(takers: 1)
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
