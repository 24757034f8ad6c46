import SwarmCore
import Testing

@Suite struct `The watch over efficiency` {
    private func look(
        at now: Double, uploaded: Int64 = 0, isWaitedFor: Bool = false, uplink: Double? = nil
    ) -> EfficiencyWatch.Look {
        EfficiencyWatch.Look(
            now: now, downloaded: 0, uploaded: uploaded, effort: DiskEffort(), workers: 2, supply: nil,
            isWaitedFor: isWaitedFor, uplink: uplink, downloadLimit: nil)
    }

    @Test func `a seed is judged by what it sent while a peer waited for it`() throws {
        var watch = EfficiencyWatch(now: 0, isSeed: true)
        #expect(watch.reading(uplink: 1000) == nil)
        // Nobody waits for ten seconds; then ten seconds of 500 bytes each, waited for at both ends of each second.
        for second in 1...10 { watch.look(look(at: Double(second), isWaitedFor: second == 10)) }
        for second in 11...20 {
            watch.look(look(at: Double(second), uploaded: Int64(500 * (second - 10)), isWaitedFor: true))
        }
        let reading = try #require(watch.reading(uplink: 1000))
        #expect(reading.achieved == 500 && reading.bound == 1000 && reading.starved == 0.5)
        #expect(watch.reading(uplink: nil)?.unknown == [.seedUplink])
    }

    @Test func `peers are told of the uplink when it is news`() {
        var watch = EfficiencyWatch(now: 0, isSeed: true)
        var told: [Int] = []
        for second in 1...30 {
            let uplink: Double? = second < 5 ? nil : second < 15 ? 1000 : 2000
            if let news = watch.tellUplink(uplink, now: Double(second)) { told.append(news) }
        }
        #expect(told == [1000, 2000] && watch.uplinkTold == 2000)
    }

    @Test func `a look at the same moment changes nothing`() {
        var watch = EfficiencyWatch(now: 0, isSeed: true)
        watch.look(look(at: 0, uploaded: 100, isWaitedFor: true, uplink: 1000))
        #expect(watch.uplinkTold == nil && watch.reading(uplink: 1000) == nil)
    }
}
