import SwarmCore
import Testing

@Suite struct `The plan of further connections` {
    private func path(
        _ peer: Int, roundTrip: Double = 0.1, isLossy: Bool = false, isGiving: Bool = true, connections: Int = 1,
        most: Int = 32
    ) -> FurtherConnectionPlan<Int>.Path {
        .init(
            peer: peer, roundTrip: roundTrip, isLossy: isLossy, isGiving: isGiving, connections: connections, most: most
        )
    }

    private func look(
        _ plan: inout FurtherConnectionPlan<Int>, _ paths: [FurtherConnectionPlan<Int>.Path], all: Int = 0
    ) -> [ConnectionSearch<Int>.Step] {
        plan.look(paths, all: all, received: 0, remaining: .max, now: 0)
    }

    @Test func `a long path with loss gets some at once, a short or an idle one none`() {
        var plan = FurtherConnectionPlan<Int>(limits: ConnectionLimits())
        #expect(look(&plan, [path(1, isLossy: true)]) == [.open(1, 7)])
        #expect(look(&plan, [path(1, roundTrip: 0.02, isLossy: true)]).isEmpty)
        #expect(look(&plan, [path(1, roundTrip: .infinity, isLossy: true)]).isEmpty)
        #expect(look(&plan, [path(1, isLossy: true, isGiving: false)]).isEmpty)
    }

    @Test func `a peer gets no more than both sides allow, and all together no more than there is room for`() {
        var limits = ConnectionLimits()
        limits.mostInAll = 10
        var plan = FurtherConnectionPlan<Int>(limits: limits)
        #expect(look(&plan, [path(1, isLossy: true, most: 3)]) == [.open(1, 2)])
        #expect(look(&plan, [path(1, isLossy: true)], all: 6) == [.open(1, 4)])
        #expect(look(&plan, [path(1, isLossy: true)], all: 10).isEmpty)
        #expect(plan.mayAccept(connections: 31, all: 9))
        #expect(!plan.mayAccept(connections: 32, all: 9) && !plan.mayAccept(connections: 1, all: 10))
    }

    @Test func `a host that has one connection to each peer neither opens nor accepts more`() {
        var limits = ConnectionLimits()
        limits.most = 1
        var plan = FurtherConnectionPlan<Int>(limits: limits)
        #expect(!plan.areAccepted && !plan.mayAccept(connections: 1, all: 0))
        #expect(look(&plan, [path(1, isLossy: true)]).isEmpty)
    }

    @Test func `a peer whose connections fail is left alone, until it comes again`() {
        var plan = FurtherConnectionPlan<Int>(limits: ConnectionLimits())
        for _ in 0..<plan.limits.failures {
            #expect(look(&plan, [path(1, isLossy: true)]) == [.open(1, 7)])
            plan.failed(1)
        }
        #expect(look(&plan, [path(1, isLossy: true), path(2, isLossy: true)]) == [.open(2, 7)])
        plan.forget(1)
        #expect(look(&plan, [path(1, isLossy: true)]) == [.open(1, 7)])
    }

    @Test func `the least number of connections is opened on any path`() {
        var limits = ConnectionLimits()
        limits.least = 3
        var plan = FurtherConnectionPlan<Int>(limits: limits)
        #expect(
            look(&plan, [path(1, roundTrip: 0), path(2, roundTrip: 0, connections: 3)]) == [.open(1, 2)])
    }

    @Test func `a connection is stalled when another one of its peer has gone on without it`() {
        let plan = FurtherConnectionPlan<Int>(limits: ConnectionLimits())
        #expect(!plan.isStalled(lastReceived: 10, latest: 18))
        #expect(plan.isStalled(lastReceived: 10, latest: 18.1))
    }
}
