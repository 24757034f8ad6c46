import NameIndex
import Testing

@Suite struct `Changes of a store that several indexes have` {
    @Test func `are each seen once, in whatever order they come`() {
        var cursor = EventCursor(after: 5)
        #expect(cursor.wanted(now: 0) == [.after(5)])
        #expect(cursor.saw([6, 9], now: 0) == [6, 9])
        #expect(cursor.wanted(now: 1) == [.among([7, 8]), .after(9)])
        #expect(cursor.saw([6, 8], now: 1) == [8])
        #expect(cursor.saw([8, 9, 10], now: 1) == [10])
        #expect(cursor.wanted(now: 2) == [.among([7]), .after(10)])
    }

    @Test func `that were undone are given up`() {
        var cursor = EventCursor(after: 0)
        _ = cursor.saw([3], now: 0)
        #expect(cursor.wanted(now: EventCursor.patience) == [.among([1, 2]), .after(3)])
        #expect(cursor.wanted(now: EventCursor.patience + 1) == [.after(3)])
        #expect(cursor.saw([2], now: 20) == [])
    }

    @Test func `that are missing take bounded memory`() {
        var cursor = EventCursor(after: 0)
        let far = Int64.max / 2
        #expect(cursor.saw([far, far + 2], now: 0) == [far, far + 2])
        guard case .among(let missing)? = cursor.wanted(now: 0).first else {
            Issue.record("nothing is missing")
            return
        }
        #expect(missing.count == EventCursor.mostMissing)
        #expect(missing.last == far + 1)
    }
}
