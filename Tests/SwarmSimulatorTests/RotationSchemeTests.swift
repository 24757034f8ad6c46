import SwarmSimulator
import Testing

@Suite("Rotating block groups") struct RotationSchemeTests {
    private func scheme(_ receivers: [(up: Double, down: Double)]) -> RotationScheme {
        var scheme = RotationScheme(contentLength: 100, senderUp: 10, receivers: receivers)
        scheme.overhead = 1
        return scheme
    }

    @Test func `take one copy from the sender, and then a round for each other host`() {
        // 100 bytes leave the sender in 10 s, then three rounds of 25 bytes at 10 bytes a second.
        let times = scheme(Array(repeating: (up: 10, down: 10), count: 4)).finishTimes
        #expect(times == Array(repeating: 17.5, count: 4))
    }

    @Test func `wait in every round for one host that is slow`() {
        let times = scheme([(10, 10), (10, 10), (10, 10), (1, 1)]).finishTimes
        // 25 s in the first round, by the slow downlink; 25 s in the next two; in the last only its neighbours wait.
        #expect(times[3] == 100)
        #expect(times.max() == 100)
        #expect(times.filter { $0 < 80 }.count == 2, "two hosts do not meet the slow one in the last round: \(times)")
    }

    @Test func `of one host, or of none, are the sender's copy`() {
        #expect(scheme([(10, 5)]).finishTimes == [20])
        #expect(scheme([]).finishTimes.isEmpty)
    }

    @Test func `lose to the swarm, most of all with a slow host`() throws {
        var plan = CapacityPlan(size: 256 << 20, receivers: 10, up: 10_000_000, down: 10_000_000, seedUp: 10_000_000)
        plan.mostPieces = 128
        let (swarm, rotation) = (try plan.answer(), plan.rotation)
        #expect(try #require(swarm.makespan) < #require(rotation.makespan))
        plan.slow = 1_000_000
        let (slowed, rotationSlowed) = (try plan.answer(), plan.rotation)
        // In the swarm the others wait for few pieces that only the slow host has; in the rotation, for it in each round.
        #expect(try #require(slowed.others) < 2 * #require(swarm.makespan))
        #expect(try #require(rotationSlowed.others) > 4 * #require(rotation.makespan))
    }
}
