import Metainfo
import PeerWire
import SwarmCore
import Testing

/// A host with half of 64 pieces, a peer that has a quarter and one that has just come; both ask for all that they lack.
private struct OldAndNew {
    static let pieceLength = 256 * 1024
    var machine: SwarmMachine
    let old: PeerKey
    let new: PeerKey
    var now = 0.0
    var sent: [PeerKey: Int] = [:]

    init(newIsUnreachable: Bool = false, newHas: Int = 0) throws {
        let layout = try testLayout(length: 64 * Self.pieceLength, pieceLength: Self.pieceLength)
        var have = PieceSet(size: 64)
        for piece in 0..<32 { have.insert(piece) }
        machine = SwarmMachine(layout: layout, wanted: PieceSet(full: 64), have: have, seed: 1, now: 0)
        old = machine.join(PeerTraits(supportsFast: true), now: 0)
        var traits = PeerTraits(supportsFast: true)
        traits.isUnreachable = newIsUnreachable
        new = machine.join(traits, now: 0)
        for (key, held) in [(old, 32..<48), (new, 48..<48 + newHas)] {
            machine.received(.haveNone, from: key, now: 0)
            for piece in held { machine.received(.have(UInt32(piece)), from: key, now: 0) }
            machine.received(.interested, from: key, now: 0)
        }
    }

    /// Each asks for a block and is sent one, unless it has to wait; forty times a second.
    mutating func run(seconds: Double, asking: [PeerKey]) {
        for _ in 0..<Int(seconds * 40) {
            now += 0.025
            for key in asking where machine.peekUpload(to: key) == nil {
                machine.received(.request(BlockRequest(index: 0, begin: 0, length: 16_384)), from: key, now: now)
            }
            machine.tick(now: now)
            for key in [old, new] {
                guard let span = machine.peekUpload(to: key),
                    machine.precedenceDelay(to: key, bytes: span.length, now: now) == 0
                else { continue }
                _ = machine.nextUpload(to: key)
                machine.uploaded(span.length, to: key, now: now)
                sent[key, default: 0] += span.length
            }
            _ = machine.takeActions()
        }
    }

    /// Bytes that each is sent in some seconds.
    mutating func rates(seconds: Double, asking: [PeerKey]? = nil) -> (old: Int, new: Int) {
        sent = [:]
        run(seconds: seconds, asking: asking ?? [old, new])
        return (sent[old] ?? 0, sent[new] ?? 0)
    }
}

@Suite("Who goes first") struct PrecedenceTests {
    /// An eighth of what we have is 1 MiB, which takes 1.6 s here.
    @Test
    func `A peer that has just come, until it has its first pieces`() throws {
        var pair = try OldAndNew()
        pair.run(seconds: 0.6, asking: [pair.old, pair.new])
        let beginning = pair.rates(seconds: 0.9)
        #expect(beginning.old < beginning.new / 4, "\(beginning)")
        for piece in 48..<52 { pair.machine.received(.have(UInt32(piece)), from: pair.new, now: pair.now) }
        pair.run(seconds: 0.3, asking: [pair.old, pair.new])
        let both = pair.rates(seconds: 3)
        #expect(both.old == both.new, "\(both)")
    }

    @Test
    func `Nobody waits for a peer that asks for nothing`() throws {
        var pair = try OldAndNew()
        let alone = pair.rates(seconds: 3, asking: [pair.old])
        #expect(alone.old == 120 * 16_384)
    }

    @Test
    func `Who says for ever that it has nothing goes first for an eighth of what we have`() throws {
        var pair = try OldAndNew()
        pair.run(seconds: 3, asking: [pair.old, pair.new])
        let after = pair.rates(seconds: 3)
        #expect(after.old == after.new, "\(after)")
        #expect(pair.machine.uploads.precedence.first.isEmpty)
    }

    @Test
    func `Who cannot be dialled goes first for as long as it wants something`() throws {
        var pair = try OldAndNew(newIsUnreachable: true, newHas: 16)
        pair.run(seconds: 3, asking: [pair.old, pair.new])
        let after = pair.rates(seconds: 3)
        #expect(after.old < after.new / 4, "\(after)")
    }
}
