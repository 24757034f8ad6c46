import Agent
import Foundation
import Registry
import RegistryClient
import Synchronization
import TestSupport
import Testing
import Text

@Suite struct `Parts of a registry that do not answer` {
    private static func urls(_ count: Int) throws -> [HTTPURL] {
        try (0..<count).map { try #require(HTTPURL("http://host\($0):1")) }
    }

    @Test func `come last until they answer again`() throws {
        let urls = try Self.urls(3)
        var silences = Silences()
        #expect(silences.order(urls) == urls)
        silences.failed(urls[0], now: 10)
        #expect(silences.order(urls) == [urls[1], urls[2], urls[0]])
        silences.failed(urls[1], now: 10)
        #expect(silences.order(urls) == [urls[2], urls[0], urls[1]])
        silences.answered(urls[0])
        #expect(silences.order(urls) == [urls[0], urls[2], urls[1]])
        #expect(silences.isSilent(urls[1]) && !silences.isSilent(urls[0]))
    }

    @Test func `are tried beside requests, less and less often, one try at a time`() throws {
        let urls = try Self.urls(1)
        var silences = Silences()
        var (now, pauses): (Double, [Double]) = (0, [])
        for _ in 0..<8 {
            silences.failed(urls[0], now: now)
            let begun = now
            while silences.due(urls, now: now).isEmpty { now += 0.5 }
            #expect(silences.due(urls, now: now + 1).isEmpty, "a try is under way")
            pauses.append(now - begun)
        }
        #expect(pauses == [2, 4, 8, 16, 32, 60, 60, 60])
        silences.answered(urls[0])
        #expect(silences.due(urls, now: now + 1_000).isEmpty)
    }

    /// An index that answers everything alike.
    private static func answer(_ body: String) -> [RawServer.Step] {
        [
            .send(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            )
        ]
    }

    @Test func `cost their time-out once, and are asked first again when they answer`() async throws {
        let isBack = Atomic(false)
        try await RawServer.with({ _, _ in isBack.load(ordering: .relaxed) ? Self.answer("{\"tags\":[]}") : [.close] })
        {
            silent in
            try await RawServer.with({ head, _ in
                head.contains("/v1/cluster")
                    ? Self.answer(
                        """
                        {"origins":[],"indexes":["\(silent.url(""))","http://\(head.split(separator: "\r\n")
                            .first { $0.lowercased().hasPrefix("host:") }?.dropFirst(6) ?? "")"],"trackers":[]}
                        """) : Self.answer("{\"tags\":[]}")
            }) { good in
                let view = RegistryView(try #require(HTTPURL(good.url(""))), credential: nil)
                let name = try #require(ContentName("team/app"))
                for second in 0..<5 {
                    #expect(try await view.tags(of: name, after: nil, limit: 10, now: Double(second) / 4) == [])
                }
                #expect(silent.requests.filter { $0.contains("/v1/names") }.count == 1)
                isBack.store(true, ordering: .relaxed)
                try await wait(for: "the part that answers again") {
                    // Its turn to be tried has come long ago.
                    _ = try await view.tags(of: name, after: nil, limit: 10, now: 50)
                    return silent.requests.filter { $0.contains("/v1/names") }.count > 1
                }
                await view.shutdown()
            }
        }
    }
}
