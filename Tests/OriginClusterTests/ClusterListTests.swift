import JSON
import TestSupport
import Testing

/// The list of parts that clients keep for a while.
@Suite struct ClusterListTests {
    @Test func `names the engines of origins that began later than the one that is asked`() async throws {
        var settings = quick
        // The first round, in which the others do not run yet, is the only one.
        settings.healthInterval = 1000
        settings.healthTimeout = 5
        try await Bench.with(3, settings) { bench in
            #expect(try bench[0].watch.member(bench.hosts[1]) == nil, "it has not answered yet")
            let answer = try await bench.call(.GET, 0, "/v1/cluster")
            let list = try JSONValue.parse(answer.body)
            let engines = (list["origins"]?.arrayValue ?? []).compactMap { $0["peers"]?.stringValue }
            var known: [String] = []
            for index in 0..<3 { known.append(try #require(await bench[index].node.peerAddress.map { "\($0)" })) }
            #expect(engines == known)
        }
    }
}
