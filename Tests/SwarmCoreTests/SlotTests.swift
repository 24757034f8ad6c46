import Metainfo
import PeerWire
import SwarmCore
import Testing

/// A seed and peers that want everything.
private struct Audience {
    var machine: SwarmMachine
    var keys: [PeerKey] = []
    /// By peer, whether it is unchoked.
    var served: [PeerKey: Bool] = [:]
    let pieceLength = 64 * 1024

    init(peers: Int) throws {
        let layout = try testLayout(length: 64 * pieceLength, pieceLength: pieceLength)
        machine = SwarmMachine(
            layout: layout, wanted: PieceSet(full: 64), have: PieceSet(full: 64), seed: 1, now: 0)
        for _ in 0..<peers {
            let key = machine.join(PeerTraits(supportsFast: true), now: 0)
            machine.received(.haveNone, from: key, now: 0)
            machine.received(.interested, from: key, now: 0)
            keys.append(key)
        }
        hear()
    }

    mutating func hear() {
        for action in machine.takeActions() {
            switch action {
            case .send(let key, .unchoke): served[key] = true
            case .send(let key, .choke): served[key] = false
            default: break
            }
        }
    }

    var servedCount: Int { served.values.count { $0 } }

    /// Every served peer keeps asking; nothing is sent.
    mutating func ask(until end: Double) {
        for now in stride(from: 0.1, to: end, by: 0.1) {
            for key in keys where served[key] == true {
                machine.received(.request(BlockRequest(index: 0, begin: 0, length: 16_384)), from: key, now: now)
            }
            machine.tick(now: now)
            hear()
        }
    }
}

@Suite struct SlotTests {
    @Test func `a small swarm is served whole`() throws {
        var audience = try Audience(peers: 16)
        audience.ask(until: 12)
        #expect(audience.servedCount == 16)
    }

    @Test func `a seed stays with those to whom it gives pieces until all are out`() throws {
        var audience = try Audience(peers: 40)
        let first = audience.served.filter(\.value).map(\.key)
        #expect(first.count == 16)
        audience.ask(until: 12)
        #expect(audience.machine.isDispatching)
        let still = Set(audience.served.filter(\.value).map(\.key)).intersection(first)
        #expect(still.count >= 13, "a turn for one at each look")
    }

    @Test func `a finished piece is announced once for all`() throws {
        let layout = try testLayout(length: 16_384, pieceLength: 16_384)
        var machine = SwarmMachine(
            layout: layout, wanted: PieceSet(full: 1), have: PieceSet(size: 1), seed: 1, now: 0)
        let keys = (0..<3).map { _ in machine.join(PeerTraits(supportsFast: true), now: 0) }
        machine.received(.haveAll, from: keys[0], now: 0)
        machine.received(.unchoke, from: keys[0], now: 0)
        let span = BlockSpan(piece: 0, begin: 0, length: 16_384)
        let placement = machine.beginBlock(span, from: keys[0])
        machine.finishBlock(span, from: keys[0], placement: placement, now: 0.1)
        machine.judged(PieceIndex(unchecked: 0), .stored(digests: []), now: 0.2)
        let actions = machine.takeActions()
        #expect(actions.count { $0 == .announce(PieceIndex(unchecked: 0)) } == 1)
        #expect(!actions.contains { if case .send(_, .have) = $0 { true } else { false } })
    }

    @Test func `the same events give the same actions`() throws {
        func history() throws -> [SwarmAction] {
            var audience = try Audience(peers: 60)
            var all: [SwarmAction] = []
            for now in stride(from: 0.1, to: 30.0, by: 0.1) {
                audience.machine.tick(now: now)
                all += audience.machine.takeActions()
            }
            return all
        }
        #expect(try history() == history())
    }
}
