import Control
import Fleet
import Hashing
import Testing
import Text

@Suite struct SwarmListTests {
    private let v1 = String(repeating: "ab", count: 20)
    private let v2 = String(repeating: "cd", count: 32)

    @Test func `An open job goes by its torrent's own hashes, of v2 the first 20 bytes`() {
        let content = JobContent(infoHashes: [v2, v1], files: 1, bytes: 5)
        let swarms = SwarmHashes.of(content, secret: nil)
        #expect(swarms.map(\.hex) == [v1, String(repeating: "cd", count: 20)])
        #expect(SwarmHashes.of(nil, secret: nil).isEmpty)
    }

    @Test func `A job with a secret goes by one hash that only those know who have it`() {
        let content = JobContent(infoHashes: [v1, v2], files: 1, bytes: 5)
        let (one, other) = (Secret(String(repeating: "01", count: 32)), Secret(String(repeating: "02", count: 32)))
        let swarms = SwarmHashes.of(content, secret: one)
        #expect(swarms.count == 1)
        #expect(swarms != SwarmHashes.of(content, secret: other))
        #expect(!swarms.map(\.hex).contains(v1))
    }

    @Test func `A list comes over the link as it was, with the keys of tickets`() throws {
        let (one, other) = (SHA1.digest([1]), SHA1.digest([2]))
        let list = SwarmList(
            swarms: [one, other], keys: [one: Secret(String(repeating: "ab", count: 32))], interval: 7)
        #expect(try SwarmList(bytes: list.bytes) == list)
        #expect(throws: WireProblem.self) { try SwarmList(json: ["swarms": [], "interval": 5, "keys": ["x": "y"]]) }
    }
}
