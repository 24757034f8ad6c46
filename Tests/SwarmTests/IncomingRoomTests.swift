import Admission
import Testing

@testable import Swarm

@Suite struct IncomingRoomTests {
    private func source(_ number: Int) -> Source { Source(ipv4: UInt32(number)) }

    private func room(_ most: Int) -> IncomingRoom<Int> {
        var limits = IncomingLimits()
        limits.most = most
        return IncomingRoom(limits: limits)
    }

    @Test func `a torrent that has room closes nobody`() {
        var room = room(3)
        for key in 0..<3 {
            #expect(room.verdict(for: source(1), now: 0) == .free)
            room.insert(key, from: source(1), now: 0)
        }
        #expect(room.verdict(for: source(2), now: 0) != .free)
    }

    @Test func `of the address with the most connections the one that showed least for longest goes`() {
        var room = room(10)
        room.insert(100, from: source(1), now: 0)
        for key in 0..<9 { room.insert(key, from: source(666), now: Double(key) / 10) }
        room.progressed(0, now: 2)
        #expect(room.verdict(for: source(2), now: 2) == .afterClosing(1))
        room.remove(1)
        room.insert(200, from: source(2), now: 2)
        #expect(room.verdict(for: source(3), now: 2) == .afterClosing(2))
        #expect(room.count == 10)
    }

    @Test func `250 addresses with four connections each do not keep an honest peer out`() {
        var room = room(1000)
        for key in 0..<1000 { room.insert(key, from: source(key % 250), now: 0) }
        guard case .afterClosing = room.verdict(for: source(9999), now: 0.1) else {
            Issue.record("the newcomer is turned away")
            return
        }
    }

    @Test func `peers that have all just shown progress stay while they are young`() {
        var room = room(4)
        for key in 0..<4 { room.insert(key, from: source(key), now: 100) }
        for key in 0..<4 { room.progressed(key, now: 100) }
        #expect(room.verdict(for: source(9), now: 101) == .full)
        #expect(room.verdict(for: source(9), now: 111) == .afterClosing(0))
    }

    @Test func `where all give and take, the one that brings least goes for a newcomer, unless it is young`() {
        var room = room(4)
        for key in 0..<3 { room.insert(key, from: source(key), now: 0) }
        room.insert(3, from: source(3), now: 50)
        for (key, blocks) in [(0, 50), (1, 7), (2, 90), (3, 1)] {
            for _ in 0..<blocks { room.progressed(key, now: 60) }
        }
        #expect(room.verdict(for: source(9), now: 61) == .afterClosing(1))
        room.remove(1)
        room.insert(9, from: source(9), now: 61)
        room.progressed(9, now: 61)
        #expect(room.verdict(for: source(10), now: 62) == .afterClosing(0))
    }
}
