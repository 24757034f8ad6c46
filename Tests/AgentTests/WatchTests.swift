import Agent
import HTTPServing
import Hashing
import JSON
import Registry
import RegistryWatch
import Testing

@Suite struct `A watch` {
    private static func reference(_ text: String) throws -> Reference { try #require(Reference(text)) }
    private static func event(_ text: String) throws -> WatchEvent { .warm(id: WatchID.random(), try reference(text)) }

    @Test func `hears what comes after it began, once`() throws {
        var log = WatchLog(WatchLimits())
        log.append(try Self.event("a:1"))
        let begin = log.events(after: nil, for: "w") { _ in true }
        #expect(begin.events.isEmpty && begin.last == 1 && !begin.hasGap)
        let second = try Self.event("a:2")
        log.append(second)
        let next = log.events(after: begin.last, for: "w") { _ in true }
        #expect(next.events == [second] && next.last == 2)
        #expect(log.events(after: next.last, for: "w") { _ in true }.events.isEmpty)
    }

    @Test func `hears nothing that is for others, or that it may not see`() throws {
        var log = WatchLog(WatchLimits())
        log.append(try Self.event("a:1"), for: ["x"])
        log.append(try Self.event("b:1"))
        let heard = log.events(after: 0, for: "w") { $0.name.text != "b" }
        #expect(heard.events.isEmpty && heard.last == 2)
    }

    @Test func `is told when events are forgotten, and is given no more than a reply has room for`() throws {
        var limits = WatchLimits()
        (limits.events, limits.eventsInReply) = (8, 3)
        var log = WatchLog(limits)
        for number in 1...20 { log.append(try Self.event("a:\(number)")) }
        let lost = log.events(after: 1, for: "w") { _ in true }
        #expect(lost.hasGap && lost.events.isEmpty && lost.last == 20)
        let part = log.events(after: 14, for: "w") { _ in true }
        #expect(part.events.count == 3 && part.last == 17 && !part.hasGap)
        // Of another life of the index.
        #expect(log.events(after: 99, for: "w") { _ in true }.hasGap)
    }

    @Test(.timeLimit(.minutes(1))) func `ends however short its time is`() async throws {
        let hub = WatchHub()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<400 {
                group.addTask {
                    let watcher = Watcher(id: "\(number)", host: "h", site: "", address: "1", scope: nil)
                    let reply = await hub.events(for: watcher, known: (hub.epoch, 0), wait: 1e-9)
                    #expect(reply.events.isEmpty)
                }
            }
        }
    }

    @Test func `is chosen over the sites, and only where its token is for the name`() {
        var table = WatcherTable(WatchLimits())
        for (host, site) in [("a", "east"), ("b", "east"), ("c", "east"), ("d", "west")] {
            _ = table.saw(Watcher(id: host, host: host, site: site, address: "1", scope: nil), now: 0)
        }
        let scope = CallerScope(patterns: ["x"]) { $0 == "x" }
        _ = table.saw(Watcher(id: "e", host: "e", site: "north", address: "1", scope: scope), now: 0)
        #expect(table.choose(2, name: "n", now: 1).map(\.host) == ["a", "d"])
        #expect(table.choose(3, name: "n", now: 1).map(\.host) == ["a", "d", "b"])
        #expect(table.choose(nil, name: "x", now: 1).count == 5)
        #expect(table.choose(nil, name: "n", now: 100).isEmpty, "who does not come back has gone")
    }

    @Test func `has a place however many one address takes`() {
        var limits = WatchLimits()
        (limits.watchers, limits.watchersOfAddress) = (10, 2)
        var table = WatcherTable(limits)
        _ = table.saw(Watcher(id: "good", host: "", site: "", address: "2", scope: nil), now: 0)
        for number in 0..<50 {
            _ = table.saw(Watcher(id: "\(number)", host: "", site: "", address: "1", scope: nil), now: 1)
        }
        #expect(table.isHere("good", now: 1))
        #expect(table.choose(nil, name: "n", now: 1).count == 10)
    }

    @Test func `returns as soon as a tag is put`() async throws {
        let hub = WatchHub()
        let watcher = Watcher(id: WatchID.random(), host: "h", site: "", address: "1", scope: nil)
        let begin = await hub.events(for: watcher, known: nil, wait: 60)
        #expect(begin.events.isEmpty)
        let held = Task { await hub.events(for: watcher, known: (begin.epoch, begin.last), wait: 60) }
        let (name, tag) = (try #require(ContentName("a")), try #require(Tag("1")))
        let digest = BlobDigest(SHA256.digest([UInt8]()))
        hub.tagged([tag], of: name, digest)
        let heard = await held.value
        #expect(heard.events == [.tagged(Reference(name: name, version: .tag(tag)), digest)])
        // An index that began anew does not know what this agent has heard.
        #expect(await hub.events(for: watcher, known: (WatchID.random(), 1), wait: 0).hasGap)
    }

    @Test func `ends when nobody waits for it any more`() async throws {
        let hub = WatchHub()
        let watcher = Watcher(id: WatchID.random(), host: "h", site: "", address: "1", scope: nil)
        let begin = await hub.events(for: watcher, known: nil, wait: 0)
        let held = Task { await hub.events(for: watcher, known: (begin.epoch, begin.last), wait: 60) }
        held.cancel()
        #expect(await held.value.events.isEmpty)
    }

    @Test func `of a warming ends with all that have it, and says who went away`() throws {
        var table = WarmTable(WatchLimits())
        let hosts = ["a", "b"].map { Watcher(id: $0, host: $0, site: "", address: "1", scope: nil) }
        table.begin("w", try Self.reference("n:1"), on: hosts, now: 0)
        func state(_ now: Double) -> JSONValue? { table.json(of: "w", now: now) { _ in false } }
        #expect(state(1)?["state"] == .string("warming"))
        let isTaken = table.report(WarmReport(state: .complete, done: 5, total: 5), of: "a", on: "w", now: 1)
        let isStrangers = table.report(WarmReport(state: .complete), of: "c", on: "w", now: 1)
        #expect(isTaken && !isStrangers)
        // What is over stays so.
        _ = table.report(WarmReport(state: .fetching), of: "a", on: "w", now: 2)
        #expect(state(3)?["hosts"]?.arrayValue?.first?["state"] == .string("complete"))
        #expect(state(100)?["state"] == .string("failed"))
        #expect(state(100)?["hosts"]?.arrayValue?.last?["state"] == .string("gone"))
        _ = table.report(WarmReport(state: .complete), of: "b", on: "w", now: 101)
        #expect(state(102)?["state"] == .string("complete"))
    }
}

@Suite struct `Followed content` {
    @Test func `of a tag is what the tag names now`() throws {
        var content = FollowedContentSample.make()
        content.add(try #require(Reference("a:latest")), [FollowedContentSample.digest(3)])
        #expect(content.blobs == [FollowedContentSample.digest(2), FollowedContentSample.digest(3)])
        #expect(FollowedContentSample.again(content) == content)
    }

    @Test func `lets the oldest version of a name go first`() throws {
        var content = FollowedContentSample.make()
        let name = try #require(ContentName("a"))
        let isDropped = content.dropOldest(of: name)
        #expect(isDropped)
        #expect(content.blobs == [FollowedContentSample.digest(2)])
        content.keep { _ in false }
        let isEmpty = !content.dropOldest(of: name)
        #expect(isEmpty)
    }
}

private enum FollowedContentSample {
    static func digest(_ number: UInt8) -> SHA256Digest { SHA256.digest([number]) }

    static func make() -> FollowedContent {
        var content = FollowedContent()
        for (text, number) in [("a:latest", UInt8(1)), ("a:2", 2)] {
            if let reference = Reference(text) { content.add(reference, [digest(number)]) }
        }
        return content
    }

    static func again(_ content: FollowedContent) -> FollowedContent { FollowedContent(content.json) }
}
