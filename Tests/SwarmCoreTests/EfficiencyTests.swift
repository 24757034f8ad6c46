import SwarmCore
import Testing

private func seen(
    _ seconds: Double = 1, _ received: Int64, _ change: (inout EfficiencyGauge.Observation) -> Void = { _ in }
)
    -> EfficiencyGauge.Observation
{
    var seen = EfficiencyGauge.Observation(seconds: seconds, received: received)
    seen.supply.seeds = 1
    seen.supply.seedUplink = 10_000_000
    seen.supply.isOffered = true
    seen.uplink = 10_000_000
    seen.downlink = 20_000_000
    change(&seen)
    return seen
}

@Suite("The efficiency of a transfer")
struct EfficiencyTests {
    @Test func `is nothing before anything was seen`() {
        var gauge = EfficiencyGauge()
        #expect(gauge.reading == nil)
        gauge.observe(seen(0, 5))
        #expect(gauge.reading == nil)
    }

    @Test func `with one seed is its rate over the seed's uplink`() throws {
        var gauge = EfficiencyGauge()
        for _ in 0..<10 { gauge.observe(seen(1, 9_000_000)) }
        let reading = try #require(gauge.reading)
        #expect(reading.achieved == 9_000_000 && reading.bound == 10_000_000 && reading.ratio == 0.9)
        #expect(reading.limit == .seedUplink && reading.unknown.isEmpty && reading.starved == 0)
    }

    @Test func `with many receivers is bounded by all uplinks over all receivers`() throws {
        var gauge = EfficiencyGauge()
        for _ in 0..<10 {
            gauge.observe(
                seen(1, 3_000_000) {
                    $0.supply.leechers = 3
                    $0.supply.leecherUplink = 3_000_000
                    $0.uplink = 1_000_000
                })
        }
        let reading = try #require(gauge.reading)
        #expect(reading.bound == 3_500_000)
        #expect(reading.limit == .sumOfUplinks)
    }

    @Test func `of who comes late is bounded by its own line and everybody's uplinks`() throws {
        var gauge = EfficiencyGauge()
        gauge.observe(
            seen(1, 0) {
                $0.supply.leechers = 3
                $0.supply.leecherUplink = 30_000_000
                $0.supply.mostAhead = 0.5
            })
        #expect(gauge.reading?.bound == 20_000_000)
    }

    @Test func `calls what nobody told unknown, and judges by what it saw`() throws {
        var gauge = EfficiencyGauge()
        for _ in 0..<5 {
            gauge.observe(
                seen(1, 4_000_000) {
                    $0.supply.seedUplink = nil
                    $0.downlink = nil
                    $0.uplink = nil
                })
        }
        let reading = try #require(gauge.reading)
        #expect(reading.bound == nil && reading.ratio == nil && reading.limit == .seedUplink)
        #expect(reading.unknown == [.seedUplink, .sumOfUplinks, .receiverDownlink])
    }

    @Test func `tells a full line, a busy disk, busy processors and a lack of sources apart`() {
        func limit(_ received: Int64, _ change: (inout EfficiencyGauge.Observation) -> Void) -> Efficiency.Limit? {
            var gauge = EfficiencyGauge()
            for _ in 0..<4 { gauge.observe(seen(1, received, change)) }
            return gauge.reading?.limit
        }
        #expect(limit(19_000_000) { $0.supply.seedUplink = 100_000_000 } == .receiverDownlink)
        #expect(limit(2_000_000) { ($0.hashing, $0.writing, $0.workers) = (0.2, 1.7, 2) } == .disk)
        #expect(limit(2_000_000) { ($0.hashing, $0.writing, $0.workers) = (1.7, 0.2, 2) } == .hashing)
        #expect(limit(0) { $0.supply = Supply() } == .noSource)
        #expect(limit(1_000_000) { ($0.supply.leechers, $0.supply.mostAhead) = (1, 0.01) } == .sumOfUplinks)
    }

    @Test func `keeps what a seed told that has left`() {
        var gauge = EfficiencyGauge()
        gauge.observe(seen(1, 8_000_000))
        gauge.observe(seen(1, 8_000_000) { $0.supply = Supply() })
        #expect(gauge.reading?.bound == 10_000_000)
    }

    @Test func `counts the time without a source`() {
        var gauge = EfficiencyGauge()
        gauge.observe(seen(3, 0) { $0.supply = Supply() })
        gauge.observe(seen(1, 8_000_000))
        #expect(gauge.reading?.starved == 0.75)
    }
}

@Suite("A host's uplink")
struct UplinkEstimateTests {
    @Test func `is the most it sent while somebody waited for more`() {
        var estimate = UplinkEstimate()
        for _ in 0..<4 { estimate.observe(seconds: 1, bytes: 50, isWaitedFor: false) }
        #expect(estimate.value(limit: nil) == nil)
        for bytes: Int64 in [10, 30, 5, 5] { estimate.observe(seconds: 1, bytes: bytes, isWaitedFor: true) }
        #expect(estimate.value(limit: nil) == 20)
        #expect(estimate.value(limit: 7) == 7)
    }

    @Test func `is told when it has changed, and not all the time`() {
        var news = UplinkNews()
        #expect(news.next(nil, now: 0) == nil)
        #expect(news.next(1_000, now: 1) == 1_000)
        #expect(news.next(1_050, now: 20) == nil)
        #expect(news.next(2_000, now: 20) == 2_000)
        #expect(news.next(4_000, now: 21) == nil)
        #expect(news.next(0, now: 40) == nil)
    }
}

@Suite("Room in a narrow uplink")
struct UplinkRoomTests {
    private func look(
        _ room: inout UplinkRoom, _ uplink: Double?, others: Double? = 1_000, given: Int? = nil,
        isFetching: Bool = true, now: Double = 0
    ) -> Double? {
        _ = room.look(uplink: uplink, others: others, given: given, isFetching: isFetching, now: now)
        return room.limit
    }

    @Test func `is left by who has much less than others, and fetches`() {
        var room = UplinkRoom()
        #expect(look(&room, nil) == nil)
        #expect(look(&room, 100, others: nil) == nil)
        #expect(look(&room, 500) == nil)
        #expect(look(&room, 100) == 85)
        #expect(look(&room, 100, isFetching: false) == nil)
        // A host that was told to send so little has room.
        #expect(look(&room, 100, given: 100) == nil)
        #expect(look(&room, 100, given: 500) == 85)
        // It was not so narrow after all.
        #expect(look(&room, 600) == nil)
    }

    @Test func `is given up now and then, so that the line is measured again`() {
        var room = UplinkRoom()
        var free = 0
        var restarts = 0
        for tick in 0..<520 {
            let now = 7 + Double(tick) * 0.25
            if room.look(uplink: 100, others: 1_000, given: nil, isFetching: true, now: now) { restarts += 1 }
            if room.limit == nil { free += 1 }
            #expect(tick >= 40 || room.limit == 85)
        }
        // 130 seconds, ten times ten and three.
        #expect(restarts == 10)
        #expect(free == 10 * 12)
    }

    @Test func `lets a line that became wider be found`() {
        var estimate = UplinkEstimate()
        var room = UplinkRoom()
        for _ in 0..<2 { estimate.observe(seconds: 2, bytes: 200, isWaitedFor: true) }
        for tick in 0..<60 {
            let isMeasuring = room.look(
                uplink: estimate.measured, others: 1_000, given: nil, isFetching: true, now: Double(tick) * 0.5)
            if isMeasuring { estimate.restart() }
            estimate.observe(seconds: 0.5, bytes: Int64(0.5 * (room.limit ?? 900)), isWaitedFor: true)
        }
        #expect(estimate.measured == 900)
        #expect(room.limit == nil)
    }
}
