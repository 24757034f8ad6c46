import Metainfo
import PeerWire
import SwarmCore
import Testing
import Text

/// A hundred thousand pieces and many peers: no single call takes what holds a loop.
@Suite struct MachineScaleTests {
    private static let pieces = 100_000

    private func machine(seed: Bool, _ configuration: SwarmConfiguration = SwarmConfiguration()) throws -> SwarmMachine
    {
        let layout = try testLayout(length: Self.pieces * 16384, pieceLength: 16384)
        let (all, none) = (PieceSet(full: Self.pieces), PieceSet(size: Self.pieces))
        return SwarmMachine(
            layout: layout, wanted: all, have: seed ? all : none, configuration: configuration, seed: 1, now: 0)
    }

    @Test func `what a thousand peers lack is found at once`() throws {
        var machine = try machine(seed: false)
        var holdings = PieceSet(full: Self.pieces)
        for piece in stride(from: 0, to: Self.pieces, by: 1_000) { holdings.remove(piece) }
        let bytes = holdings.wireBytes
        for index in 0..<1_000 {
            let key = machine.join(PeerTraits(supportsFast: true), now: 0)
            // One by one they would take the test's time, not the machine's.
            if index < 5 {
                machine.received(.bitfield(bytes), from: key, now: 0)
            } else {
                machine.swarm.peers[key]?.holdings = holdings
            }
        }
        var watch = CallWatch()
        let lacking = watch.measure { machine.piecesWithoutPeer }
        #expect(lacking.count == 100)
        #expect((0..<Self.pieces).allSatisfy { lacking.contains($0) == ($0 % 1_000 == 0) })
        watch.expect(total: 1, longest: 1)
    }

    @Test func `a peer that leaves a super-seed costs no look at what all others were given`() throws {
        var configuration = SwarmConfiguration()
        configuration.superSeed = true
        var machine = try machine(seed: true, configuration)
        let keys = (0..<600).map { _ in
            let key = machine.join(PeerTraits(supportsFast: true), now: 0)
            machine.received(.haveNone, from: key, now: 0)
            return key
        }
        let given = keys.reduce(0) { $0 + (machine.uploads.dispatcher?.outstanding($1) ?? 0) }
        #expect(given > 20_000)
        _ = machine.takeActions()
        var watch = CallWatch()
        let lost = machine.uploads.dispatcher?.outstanding(keys[7]) ?? 0
        watch.measure { machine.leave(keys[7], now: 1) }
        watch.expect(total: 3, longest: 3)
        // What it was given is given to others again, once those before are through.
        let left = keys.reduce(0) { $0 + (machine.uploads.dispatcher?.outstanding($1) ?? 0) }
        #expect(left >= given - lost)
    }

    @Test(arguments: 0..<20) func `what is subtracted from a set is gone and nothing else`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let size = Int.random(in: 1...300, using: &random)
        var (first, second) = (PieceSet(size: size), PieceSet(size: size))
        for piece in 0..<size {
            if Bool.random(using: &random) { first.insert(piece) }
            if Bool.random(using: &random) { second.insert(piece) }
        }
        var rest = first
        rest.subtract(second)
        for piece in 0..<size { #expect(rest.contains(piece) == (first.contains(piece) && !second.contains(piece))) }
        #expect(rest.count == (0..<size).count { rest.contains($0) })
    }
}
