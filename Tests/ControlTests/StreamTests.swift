import Fleet
import FleetStore
import JSON
import TestSupport
import Testing
import Text

@testable import Control

/// Events over HTTP, as a console follows them.
@Suite struct StreamTests {
    private struct Message {
        var event = ""
        var id: Int64 = 0
        var data = JSONValue.null
        var bytes = 0
    }

    private func messages(_ text: String) -> [Message] {
        // The last one may not be whole.
        text.split(separator: "\n\n", omittingEmptySubsequences: false).dropLast().compactMap { part in
            var message = Message(bytes: part.utf8.count)
            for line in part.split(separator: "\n") {
                let words = line.split(separator: ":", maxSplits: 1).map(String.init)
                let value = words.count > 1 ? String(words[1].dropFirst()) : ""
                switch words.first {
                case "event": message.event = value
                case "id": message.id = Int64(value) ?? 0
                case "data": message.data = (try? JSONValue.parse(Array(value.utf8))) ?? .null
                default: break
                }
            }
            return message.event.isEmpty ? nil : message
        }
    }

    private func ids(_ messages: [Message]) -> [Int64] {
        messages.filter { $0.event == "changes" }.flatMap { $0.data.arrayValue ?? [] }.compactMap {
            $0["id"]?.lenientInteger
        }
    }

    /// Changes that a stream shows.
    private func change(_ api: TestAPI, _ count: Int) async throws -> Int64 {
        for number in 0..<count {
            try await api.bench.core.store.note(
                "test", "s\(number)", .object(["text": .string(String(repeating: "x", count: 100))]), by: api.bench.act)
        }
        await api.bench.core.changes.follow()
        return api.bench.core.feed.last
    }

    @Test func `go on after Last-Event-ID without a gap, in messages of at most 16 KiB`() async throws {
        try await TestAPI.using { api in
            let first = try await change(api, 1)
            let last = try await change(api, 200)
            let text = try await api.follow("/v1/events", after: first) { ids(messages($0)).last == last }
            let heard = messages(text)
            #expect(ids(heard) == Array(first + 1...last))
            #expect(heard.count > 1 && heard.allSatisfy { $0.bytes <= 16 << 10 })
            // A connection that broke goes on where its last whole message ended.
            let middle = try #require(heard.first).id
            let next = try await change(api, 1)
            let rest = try await api.follow("/v1/events", after: middle) { ids(messages($0)).last == next }
            #expect(ids(messages(rest)) == Array(middle + 1...next))
        }
    }

    @Test func `begin anew with 'reset' where events are gone, or were never there`() async throws {
        try await TestAPI.using { api in
            let last = try await change(api, 3)
            for id in [-5, last + 1_000_000] {
                let text = try await api.follow("/v1/events", after: id) { !messages($0).isEmpty }
                let message = try #require(messages(text).first)
                #expect(message.event == "reset" && message.id == last)
                #expect(message.data["after"]?.lenientInteger == last)
            }
        }
    }

    @Test func `put figures together: two messages a second, the last of them right`() async throws {
        try await TestAPI.using { api in
            let bench = api.bench
            try await bench.defineRelease()
            let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
            let content = SampleTorrent.content(of: 1_000_000)
            let job = try await build.startJob(content)
            try await web.sync([(job, .receiving)])
            let feeding = Task {
                var done: Int64 = 0
                while !Task.isCancelled {
                    done += 1
                    _ = try? await web.sync(figures: [JobFigures(job: job, done: done, total: 1_000_000, down: 7)])
                    try? await Task.sleep(for: .milliseconds(10))
                }
                return done
            }
            let start = ContinuousClock.now
            let text = try await api.follow("/v1/jobs/\(job)/events") {
                messages($0).filter { $0.event == "job" }.count >= 4
            }
            let took = ContinuousClock.now - start
            feeding.cancel()
            #expect(await feeding.value > 20)
            // Four messages are three pauses apart.
            #expect(took > .milliseconds(1400))
            // A target that changed is shown whole, others by their figures.
            let shown = messages(text).compactMap { message -> Int64? in
                let target = message.data["targets"]?.arrayValue?.first {
                    $0["node"]?.stringValue == web.id.description
                }
                let figures = message.data["figures"]?.arrayValue?.compactMap(\.arrayValue).first {
                    $0.first?.stringValue == web.id.description
                }
                return target?["bytes"]?.lenientInteger ?? figures?[1].lenientInteger
            }
            #expect(shown.count >= 4 && shown == shown.sorted() && (shown.last ?? 0) > (shown.first ?? 0))
            #expect(messages(text).allSatisfy { $0.bytes <= 16 << 10 })
        }
    }

    @Test(arguments: [-1, 1_000_000])
    func `of a job begin anew with 'reset' after a number that was never there`(id: Int64) async throws {
        try await TestAPI.using { api in
            try await api.bench.defineRelease()
            let (build, _) = (try await api.bench.agent("build"), try await api.bench.agent("web-1"))
            let job = try await build.startJob()
            let text = try await api.follow("/v1/jobs/\(job)/events", after: id) { messages($0).count > 1 }
            #expect(messages(text).map(\.event).prefix(2) == ["reset", "job"])
            #expect(messages(text)[1].data["targets"]?.arrayValue?.count == 1)
        }
    }

    @Test func `pass on each change once, however many look for it`() async throws {
        try await TestAPI.using { api in
            let first = try await change(api, 1)
            let last = try await change(api, 50)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { await api.bench.core.changes.follow() } }
            }
            #expect(api.bench.core.feed.events(after: first)?.map(\.id) == Array(first + 1...last))
        }
    }

    @Test func `end with their job`() async throws {
        try await TestAPI.using { api in
            let bench = api.bench
            try await bench.defineRelease()
            let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
            let job = try await build.startJob()
            try await web.sync([(job, .done)])
            let text = try await api.follow("/v1/jobs/\(job)/events") { messages($0).last?.event == "end" }
            let states = messages(text).compactMap { $0.data["job"]?["state"]?.stringValue }
            #expect(states.last == "done")
        }
    }
}
