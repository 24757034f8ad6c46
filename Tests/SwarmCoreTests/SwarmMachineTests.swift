import Metainfo
import PeerWire
import SwarmCore
import Testing

@Suite struct TransferBetweenMachines {
    @Test(arguments: [true, false]) func `one seed serves one leecher`(fast: Bool) throws {
        var swarm = TestSwarm(layout: try testLayout(length: 10_000_000, pieceLength: 262_144))
        let seed = swarm.add(seed: true)
        let leecher = swarm.add(seed: false)
        swarm.connect(seed, leecher, fast: fast)
        swarm.run(limit: 60) { $0.areAllFinished }
        let finished = swarm.areAllFinished
        #expect(finished)
        let wasted = swarm.nodes[leecher].machine.wastedBytes
        #expect(wasted == 0)
        let sent = swarm.nodes[seed].sent.values.reduce(0, +)
        #expect(sent == 10_000_000)
    }

    @Test func `a swarm of eight takes little more than the bound`() throws {
        let length = 32 << 20
        var swarm = TestSwarm(layout: try testLayout(length: length, pieceLength: 262_144))
        let seed = swarm.add(seed: true)
        for _ in 0..<8 { _ = swarm.add(seed: false) }
        for first in 0..<9 { for second in 0..<first { swarm.connect(second, first) } }
        let bound = Double(length) / swarm.uplink
        swarm.run(limit: 3 * bound) { $0.areAllFinished }
        let finished = swarm.areAllFinished
        #expect(finished)
        let ratio = swarm.now / bound
        #expect(ratio < 1.25)
        let copies = Double(swarm.nodes[seed].sent.values.reduce(0, +)) / Double(length)
        #expect(copies < 1.15)
    }

    @Test func `leechers one after the other are served without a pause`() throws {
        var swarm = TestSwarm(layout: try testLayout(length: 8 << 20, pieceLength: 262_144))
        let seed = swarm.add(seed: true)
        for round in 1...3 {
            let leecher = swarm.add(seed: false)
            swarm.connect(seed, leecher)
            let began = swarm.now
            swarm.run(limit: began + 60) { $0.nodes[leecher].machine.isFinished }
            let took = swarm.now - began
            #expect(took < 10, "round \(round)")
            swarm.disconnect(seed, leecher)
        }
    }

    /// The seed gave the piece out, the liar was faster with it: nobody is to wait until the seed's patience is over.
    @Test(arguments: 2..<22, [true, false])
    func `a piece spoilt by a liar is asked of the honest seed at once`(pieces: Int, suggests: Bool) throws {
        var swarm = TestSwarm(layout: try testLayout(length: pieces << 16, pieceLength: 1 << 16))
        let seed = swarm.add(seed: true)
        var configuration = SwarmConfiguration()
        configuration.dispatches = suggests
        let liar = swarm.add(seed: true, configuration: configuration)
        let leecher = swarm.add(seed: false)
        swarm.verification = 0.1
        swarm.poisons = { $0 == liar }
        swarm.connect(seed, leecher)
        swarm.connect(liar, leecher)
        swarm.run(limit: 30) { $0.nodes[leecher].machine.isFinished }
        let isFinished = swarm.nodes[leecher].machine.isFinished
        #expect(isFinished)
        // What the seed alone takes, and a second for what the liar spoilt.
        let (now, alone) = (swarm.now, Double(pieces << 16) / swarm.uplink)
        #expect(now < 2 * alone + 1)
    }

    @Test func `super seeding sends each piece once before any twice`() throws {
        let length = 8 << 20
        var swarm = TestSwarm(layout: try testLayout(length: length, pieceLength: 262_144))
        var configuration = SwarmConfiguration()
        configuration.superSeed = true
        let seed = swarm.add(seed: true, configuration: configuration)
        for _ in 0..<4 { _ = swarm.add(seed: false) }
        for first in 0..<5 { for second in 0..<first { swarm.connect(second, first, fast: false) } }
        swarm.run(limit: 60) { swarm in swarm.nodes[seed].sent.count == swarm.layout.pieceCount }
        let (sentPieces, pieces) = (swarm.nodes[seed].sent.count, swarm.layout.pieceCount)
        #expect(sentPieces == pieces)
        let total = swarm.nodes[seed].sent.values.reduce(0, +)
        #expect(total <= length, "no byte left the seed twice before every piece had left it")
        swarm.run(limit: 120) { $0.areAllFinished }
        let finished = swarm.areAllFinished
        #expect(finished)
    }
}

@Suite struct MisbehavingPeers {
    @Test func `a poisoner is banned and its honest co senders are not`() throws {
        var swarm = TestSwarm(layout: try testLayout(length: 8 << 20, pieceLength: 524_288))
        let liar = swarm.add(seed: true)
        let honest = [swarm.add(seed: true), swarm.add(seed: true)]
        swarm.poisons = { $0 == liar }
        var configuration = SwarmConfiguration()
        configuration.openBytes = 1 << 20  // few pieces at a time, so that pieces have several senders
        let leecher = swarm.add(seed: false, configuration: configuration)
        for other in honest + [liar] { swarm.connect(other, leecher, fast: false) }
        swarm.run(limit: 120) { $0.nodes[leecher].machine.isFinished }
        let finished = swarm.nodes[leecher].machine.isFinished
        #expect(finished)
        let banned = swarm.nodes[leecher].banned
        #expect(banned == [liar])
    }

    @Test(arguments: [true, false]) func `a peer that never answers costs nothing but itself`(fast: Bool) throws {
        var swarm = TestSwarm(layout: try testLayout(length: 4 << 20, pieceLength: 262_144))
        let silent = swarm.add(seed: true)
        let seed = swarm.add(seed: true)
        let leecher = swarm.add(seed: false)
        swarm.isSilent = { $0 == silent }
        swarm.connect(silent, leecher, fast: fast)
        swarm.connect(seed, leecher, fast: fast)
        swarm.run(limit: 40) { $0.nodes[leecher].machine.isFinished }
        let finished = swarm.nodes[leecher].machine.isFinished
        #expect(finished)
    }

    @Test func `a silent peer is dropped in the end`() throws {
        var swarm = TestSwarm(layout: try testLayout(length: 4 << 20, pieceLength: 262_144))
        let silent = swarm.add(seed: true)
        let leecher = swarm.add(seed: false)
        swarm.isSilent = { $0 == silent }
        swarm.connect(silent, leecher)
        swarm.run(limit: 200) { !$0.nodes[leecher].disconnected.isEmpty }
        let reason = swarm.nodes[leecher].disconnected.first?.reason
        #expect(reason == .stalled)
    }

    @Test func `a peer that leaves half way is replaced`() throws {
        var swarm = TestSwarm(layout: try testLayout(length: 8 << 20, pieceLength: 262_144))
        let first = swarm.add(seed: true)
        let second = swarm.add(seed: true)
        let leecher = swarm.add(seed: false)
        swarm.connect(first, leecher)
        swarm.run(limit: 60) { $0.nodes[leecher].machine.have.count > 10 }
        swarm.disconnect(first, leecher)
        swarm.connect(second, leecher)
        swarm.run(limit: 60) { $0.nodes[leecher].machine.isFinished }
        let finished = swarm.nodes[leecher].machine.isFinished
        #expect(finished)
    }
}

@Suite struct WhatAPeerMaySay {
    private func machine(seed: Bool = false) throws -> SwarmMachine {
        let layout = try testLayout(length: 1_000_000, pieceLength: 262_144)
        return SwarmMachine(
            layout: layout, wanted: PieceSet(full: 4), have: seed ? PieceSet(full: 4) : PieceSet(size: 4), seed: 1,
            now: 0)
    }

    private func isViolation(_ actions: [SwarmAction], _ key: PeerKey) -> Bool {
        actions.contains { if case .disconnect(key, .violation) = $0 { true } else { false } }
    }

    @Test(arguments: [
        Message.have(4), .have(.max), .bitfield([0xff]), .bitfield([0xf0, 0]), .bitfield([]),
        .request(BlockRequest(index: 4, begin: 0, length: 16384)),
        .request(BlockRequest(index: 0, begin: .max, length: .max)),
        .request(BlockRequest(index: 0, begin: 0, length: 0)),
        .request(BlockRequest(index: 0, begin: 0, length: 262_144)),
        .request(BlockRequest(index: 3, begin: 213_568, length: 16384)),
        .suggest(4), .allowedFast(99), .reject(BlockRequest(index: 0, begin: 0, length: 16384)),
        .extended(.dontHave(77)),
    ])
    func `nonsense ends the connection`(message: Message) throws {
        var machine = try machine(seed: true)
        let key = machine.join(PeerTraits(supportsFast: true), now: 0)
        _ = machine.takeActions()
        machine.received(message, from: key, now: 0)
        #expect(isViolation(machine.takeActions(), key))
    }

    @Test func `a second bitfield that takes pieces back ends the connection`() throws {
        for second in [Message.bitfield([0x80]), .bitfield([0xc0]), .haveNone] {
            var machine = try machine()
            let key = machine.join(PeerTraits(supportsFast: true), now: 0)
            machine.received(.bitfield([0xc0]), from: key, now: 0)
            #expect(!isViolation(machine.takeActions(), key))
            machine.received(second, from: key, now: 0)
            #expect(isViolation(machine.takeActions(), key))
        }
    }

    @Test func `a bitfield in place of many haves only adds`() throws {
        var machine = try machine()
        let key = machine.join(PeerTraits(supportsFast: true), now: 0)
        machine.received(.haveNone, from: key, now: 0)
        machine.received(.have(2), from: key, now: 0)
        machine.received(.bitfield([0xb0]), from: key, now: 0)
        #expect(!isViolation(machine.takeActions(), key))
        #expect(machine.swarm.peers[key]?.holdings.wireBytes == [0xb0])
        #expect(machine.swarm.peers[key]?.wantedCount == 3)
    }

    @Test func `requests while choked are rejected or dropped`() throws {
        for fast in [true, false] {
            var machine = try machine(seed: true)
            let key = machine.join(PeerTraits(supportsFast: fast), now: 0)
            _ = machine.takeActions()
            let request = BlockRequest(index: 0, begin: 0, length: 16384)
            machine.received(.request(request), from: key, now: 0)
            #expect(machine.takeActions() == (fast ? [.send(key, .reject(request))] : []))
            #expect(machine.peekUpload(to: key) == nil)
        }
    }

    @Test func `a flood of requests is bounded`() throws {
        for fast in [true, false] {
            var machine = try machine(seed: true)
            let key = machine.join(PeerTraits(supportsFast: fast), now: 0)
            machine.received(.interested, from: key, now: 0)
            for _ in 0..<5000 {
                machine.received(.request(BlockRequest(index: 0, begin: 0, length: 16384)), from: key, now: 0)
            }
            var queued = 0
            while machine.nextUpload(to: key) != nil { queued += 1 }
            #expect(queued == machine.configuration.requestQueue)
        }
    }

    @Test func `data that was never asked for is a violation and late data is not`() throws {
        var machine = try machine()
        let key = machine.join(PeerTraits(supportsFast: false), now: 0)
        #expect(machine.beginBlock(BlockSpan(piece: 0, begin: 0, length: 16384), from: key) == .violation)
        machine.received(.bitfield([0xf0]), from: key, now: 0)
        machine.received(.unchoke, from: key, now: 0)
        let asked = machine.takeActions().compactMap { action -> BlockRequest? in
            if case .send(_, .request(let request)) = action { request } else { nil }
        }
        #expect(!asked.isEmpty)
        machine.received(.choke, from: key, now: 0)
        let first = BlockSpan(piece: Int(asked[0].index), begin: Int(asked[0].begin), length: Int(asked[0].length))
        #expect(machine.beginBlock(first, from: key) == .discard)
        #expect(machine.beginBlock(first, from: key) == .violation, "once is late, twice is not asked for")
    }

    @Test func `the request queue of a peer is kept`() throws {
        var machine = try machine()
        var traits = PeerTraits(supportsFast: true)
        traits.requestQueue = 1
        let key = machine.join(traits, now: 0)
        machine.received(.haveAll, from: key, now: 0)
        machine.received(.unchoke, from: key, now: 0)
        let asked = machine.takeActions().count { if case .send(_, .request) = $0 { true } else { false } }
        #expect(asked == 1)
    }
}
