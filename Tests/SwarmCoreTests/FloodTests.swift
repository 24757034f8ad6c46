import Metainfo
import PeerWire
import SwarmCore
import Testing

/// Messages of a few bytes, by the hundred thousand.
@Suite struct FloodTests {
    private let pieceLength = 64 * 1024

    private func machine(isSeed: Bool) throws -> SwarmMachine {
        let layout = try testLayout(length: 64 * pieceLength, pieceLength: pieceLength)
        return SwarmMachine(
            layout: layout, wanted: PieceSet(full: 64), have: isSeed ? PieceSet(full: 64) : PieceSet(size: 64), seed: 1,
            now: 0)
    }

    private func seconds(_ body: () -> Void) -> Double {
        let duration = ContinuousClock().measure(body)
        return Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }

    @Test(arguments: [true, false])
    func `three thousand peers that change their minds cost no look at all of each other`(
        supportsGrants: Bool
    ) throws {
        var machine = try machine(isSeed: true)
        let keys = (0..<3000).map { _ in
            var traits = PeerTraits(supportsFast: true)
            traits.supportsGrants = supportsGrants
            return machine.join(traits, now: 0)
        }
        for key in keys { machine.received(.haveNone, from: key, now: 0) }
        for key in keys { machine.received(.interested, from: key, now: 0) }
        machine.tick(now: 0.1)
        _ = machine.takeActions()
        let used = seconds {
            for _ in 0..<50 {
                for key in keys {
                    machine.received(.notInterested, from: key, now: 0.15)
                    machine.received(.interested, from: key, now: 0.15)
                }
            }
        }
        #expect(used < 5, "\(used) s for 300,000 messages")
        #expect(machine.takeActions().count < 10_000, "they are not answered one by one")
    }

    @Test func `a peer that becomes interested between two ticks is unchoked at once while slots are free`() throws {
        var machine = try machine(isSeed: true)
        let limit = ChokerLimits().firstSlots
        let keys = (0..<limit + 3).map { _ in machine.join(PeerTraits(supportsFast: true), now: 0) }
        for key in keys { machine.received(.haveNone, from: key, now: 0) }
        machine.tick(now: 0.1)
        _ = machine.takeActions()
        func unchoked() -> Set<PeerKey> {
            Set(machine.takeActions().compactMap { if case .send(let key, .unchoke) = $0 { key } else { nil } })
        }
        for key in keys { machine.received(.interested, from: key, now: 0.15) }
        #expect(unchoked() == Set(keys.prefix(limit)))
        // One goes, one loses interest: both slots are for others, in the same moment.
        machine.leave(keys[0], now: 0.16)
        machine.received(.notInterested, from: keys[1], now: 0.16)
        machine.received(.notInterested, from: keys[limit], now: 0.16)
        machine.received(.interested, from: keys[limit], now: 0.16)
        let late = machine.join(PeerTraits(supportsFast: true), now: 0.17)
        machine.received(.interested, from: late, now: 0.17)
        #expect(unchoked() == [keys[limit], late])
    }

    @Test func `chokes and unchokes by the hundred thousand cost no look at all peers each`() throws {
        var machine = try machine(isSeed: false)
        let keys = (0..<2000).map { _ in machine.join(PeerTraits(supportsFast: false), now: 0) }
        for key in keys { machine.received(.bitfield(PieceSet(full: 64).wireBytes), from: key, now: 0) }
        machine.tick(now: 0.1)
        let used = seconds {
            for _ in 0..<50 {
                for key in keys {
                    machine.received(.unchoke, from: key, now: 0.15)
                    machine.received(.choke, from: key, now: 0.15)
                    machine.received(.choke, from: key, now: 0.15)
                }
                _ = machine.takeActions()
            }
        }
        #expect(used < 10, "\(used) s for 300,000 messages")
        // The next tick makes up for what was left.
        machine.received(.unchoke, from: keys[7], now: 0.2)
        machine.tick(now: 0.2)
        let asked = machine.takeActions().contains { if case .send(keys[7], .request) = $0 { true } else { false } }
        #expect(asked)
    }

    @Test(arguments: [
        [Message.interested, .notInterested], [.interested], [.have(1)], [.haveAll, .have(3)],
    ])
    func `who says without end what changes nothing is named, to be cut off at once`(words: [Message]) throws {
        var machine = try machine(isSeed: true)
        let key = machine.join(PeerTraits(supportsFast: true), now: 0)
        var heard = 0
        while machine.takeFlooder() == nil, heard < 10_000 {
            // The first alone is allowed once only.
            for word in heard > 0 && words.first == .haveAll ? words.suffix(1) : words[...] {
                machine.received(word, from: key, now: 0.1)
                heard += 1
            }
        }
        #expect((500..<2_100).contains(heard))
        #expect(machine.takeFlooder() == nil, "it is told once")
    }

    @Test func `who wants, and has, and wants no more each of ten thousand pieces as they come is no flooder`() {
        var chatter = Chatter(missing: 10_000, now: 0)
        for missing in (0..<10_000).reversed() {
            // All within a tenth of a second.
            let now = 0.1 * Double(10_000 - missing) / 10_000
            for _ in 0..<3 {
                let isFine = chatter.heard(missing: missing, now: now)
                #expect(isFine)
            }
        }
        let late = (0..<2_000).count { _ in chatter.heard(missing: 0, now: 0.1) }
        #expect(late < 1_100, "when nothing comes there is nothing to say")
        let later = chatter.heard(missing: 0, now: 10)
        #expect(later, "as time goes by there is again")
    }

    @Test func `who is told of one piece after the other by a super-seeding host may want each`() throws {
        let count = 3_000
        let layout = try testLayout(length: count * 16_384, pieceLength: 16_384)
        var configuration = SwarmConfiguration()
        configuration.superSeed = true
        var machine = SwarmMachine(
            layout: layout, wanted: PieceSet(full: count), have: PieceSet(full: count), configuration: configuration,
            seed: 1, now: 0)
        let key = machine.join(PeerTraits(supportsFast: true), now: 0)
        machine.received(.haveNone, from: key, now: 0)
        machine.tick(now: 0.1)
        var told = 0
        var actions = machine.takeActions()
        while !actions.isEmpty, told < count {
            for case .send(key, .have(let piece)) in actions {
                told += 1
                for word in [Message.interested, .have(piece), .notInterested] {
                    machine.received(word, from: key, now: 0.2)
                }
            }
            let flooder = machine.takeFlooder()
            #expect(flooder == nil)
            machine.tick(now: 0.2)
            actions = machine.takeActions()
        }
        #expect(told > 1_500)
    }

    @Test func `a suggestion or allowed-fast piece again and again says nothing new`() throws {
        var machine = try machine(isSeed: false)
        let key = machine.join(PeerTraits(supportsFast: true), now: 0)
        machine.received(.haveAll, from: key, now: 0)
        machine.received(.unchoke, from: key, now: 0)
        _ = machine.takeActions()
        let used = seconds {
            for _ in 0..<100_000 {
                machine.received(.suggest(1), from: key, now: 0.1)
                machine.received(.allowedFast(1), from: key, now: 0.1)
            }
        }
        #expect(used < 5)
    }
}

@Suite struct PendingAnswersTests {
    @Test func `requests are answered in order, and too many at a time are not kept`() {
        var answers = PendingAnswers()
        for piece in 0..<PendingAnswers.most { #expect(answers.add(.metadata(piece: piece)) == true) }
        #expect(answers.add(.metadata(piece: 99)) == false)
        for piece in 0..<1000 {
            #expect(answers.first == .metadata(piece: piece))
            answers.removeFirst()
            #expect(answers.add(.metadata(piece: piece + PendingAnswers.most)) == true)
            #expect(answers.count == PendingAnswers.most)
        }
    }

    @Test func `a peer that goes on asking for what it cannot have is taken for hostile`() {
        var answers = PendingAnswers()
        for piece in 0..<PendingAnswers.most + PendingAnswers.mostRefused { _ = answers.add(.metadata(piece: piece)) }
        #expect(!answers.isFlooded)
        _ = answers.add(.metadata(piece: 0))
        #expect(answers.isFlooded)
    }

    @Test func `a peer gets what there is a few times over and then nothing`() {
        let budget = PendingAnswers.budget(metadata: 100_000, pieces: 50)
        var answers = PendingAnswers(budget: budget)
        var given = 0
        while answers.add(.metadata(piece: 0)) {
            given += PendingAnswers.Ask.metadata(piece: 0).cost
            answers.removeFirst()
        }
        #expect(given >= 400_000)
        #expect(given <= budget)
    }
}

@Suite struct UnaskedBytesTests {
    @Test func `a peer that announces every piece and talks now and then is never too much`() {
        var bytes = UnaskedBytes(pieces: 1_000_000, now: 0)
        for second in 0..<100_000 {
            #expect(bytes.received(9 * 10 + 500, now: Double(second)) == true)
            for _ in 0..<100 { bytes.sentBlock() }
            #expect(bytes.received(100 * 34, now: Double(second)) == true)
        }
    }

    @Test func `what was asked for does not count against a peer`() {
        var bytes = UnaskedBytes(now: 0)
        for piece in 0..<4000 {
            bytes.sent(.extended(.metadata(.request(piece: piece))))
            #expect(bytes.received(MetadataMessage.pieceLength + 60, now: 0) == true)
        }
    }

    @Test func `a flood is too much after a quarter of a megabyte`() {
        var bytes = UnaskedBytes(now: 0)
        var taken = 0
        while bytes.received(1000, now: Double(taken) / 1e8) { taken += 1000 }
        #expect(taken > 250_000)
        #expect(taken < 1_100_000)
    }
}
