import SwarmSimulator
import Testing

@Suite struct HearingTests {
    private func listen(_ hearing: inout Hearing, _ finished: ContiguousArray<Int32>) -> [String] {
        var news: [Hearing.News] = []
        hearing.listen(finished, into: &news)
        return news.map { "\($0.slot): \($0.pieces) of \($0.other)" }
    }

    @Test func `news are heard once`() {
        var hearing = Hearing()
        hearing.connect(2, to: 0, heard: 1)
        hearing.connect(0, to: 3, heard: 0)
        #expect(listen(&hearing, [1, 9, 9, 0]) == [])
        #expect(listen(&hearing, [4, 9, 9, 2]) == ["0: 0..<2 of 3", "2: 1..<4 of 0"])
        #expect(listen(&hearing, [5, 9, 9, 2]) == ["2: 4..<5 of 0"])
    }

    @Test func `a slot is deaf until it is used again`() {
        var hearing = Hearing()
        hearing.connect(0, to: 0, heard: 0)
        hearing.disconnect(0)
        #expect(listen(&hearing, [3, 3]) == [])
        hearing.connect(0, to: 1, heard: 2)
        #expect(listen(&hearing, [3, 3]) == ["0: 2..<3 of 1"])
    }
}
