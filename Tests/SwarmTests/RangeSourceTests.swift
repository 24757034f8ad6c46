import Foundation
import Metainfo
import TestSupport
import Testing

@testable import Swarm

/// Trouble is over soon.
private func quick(_ configuration: inout SwarmNode.Configuration) {
    configuration.sourceRetry = 0.05
    configuration.longestSourceRetry = 0.2
}

@Suite struct `Range sources` {
    @Test(arguments: [Info.Version.v1, .v2, .hybrid]) func `fetch each its share, and get the credit`(
        version: Info.Version
    ) async throws {
        try await Staging.with(try .directory(version: version)) { staging, nodes in
            let first = try RangeServer(staging.served)
            let second = try RangeServer(staging.served)
            let share = staging.files("b/third.bin")
            let rest = staging.files().subtracting(share)
            let transfer = try await staging.get(
                nodes[0], [try staging.plan("obs", first, share), try staging.plan("cdn", second, rest)])
            try await transfer.complete()
            #expect(staging.isThere())
            let status = await transfer.transfer.status()
            let (obs, cdn) = (status.sources["obs"]?.received ?? 0, status.sources["cdn"]?.received ?? 0)
            #expect(obs + cdn == status.total && status.done == status.total && status.wasted == 0)
            #expect(status.sources["peers"] == nil)
            if version != .v1 {
                // Files begin at pieces: nobody is asked for a byte of the other's share.
                #expect(Set(first.sent.keys) == ["dcp/b/third.bin"] && second.sent["dcp/b/third.bin"] == nil)
                #expect(obs == staging.size(share) && cdn == staging.size(rest))
            }
            let complete = Set(
                transfer.events.compactMap { if case .fileComplete(let file) = $0 { file } else { nil } })
            #expect(complete == staging.files("a/deep/down/first.bin", "a/second.bin", "b/third.bin", "last"))
            #expect(await transfer.transfer.completeFiles == staging.files())
            let bytes = await transfer.transfer.fileBytes
            #expect(bytes.values.reduce(0, +) == status.total)
        }
    }

    @Test func `are not needed for files that were not selected`() async throws {
        try await Staging.with(try .directory(version: .v1)) { staging, nodes in
            let server = try RangeServer(staging.served)
            let share = staging.files("a/second.bin")
            let transfer = try await staging.get(nodes[0], [try staging.plan("obs", server, share)]) {
                $0.fileIndices = share
            }
            try await transfer.complete()
            #expect(staging.isThere(only: ["a/second.bin"]))
            #expect(!FileManager.default.fileExists(atPath: staging.content + "/b"))
            let received = await transfer.source("obs").received
            #expect(received == 16_384)
        }
    }

    @Test func `pause without a failure and go on where they stopped`() async throws {
        let sample = try Sample.single(4 << 20)
        try await Staging.with(sample) { staging, nodes in
            let server = try RangeServer(staging.served)
            server.behave(.crawls(2 << 20))
            let transfer = try await staging.get(nodes[0], [try staging.plan("cdn", server, staging.files())])
            try await wait(for: "some of it") { await transfer.source("cdn").received >= 300_000 }
            await transfer.transfer.setSource("cdn", isActive: false)
            #expect(await transfer.source("cdn").state == .paused)
            // What was read and not handed over yet may still be counted.
            try await wait(for: "the end of what was under way") { server.answersUnderWay == 0 }
            try await transfer.look()
            let (requests, received) = (server.requests, await transfer.source("cdn").received)
            try await transfer.look()
            #expect(server.requests == requests)
            #expect(await transfer.source("cdn").received == received && !transfer.isComplete)
            #expect(transfer.warnings.isEmpty)
            server.behave(.serves)
            await transfer.transfer.setSource("cdn", isActive: true)
            try await transfer.complete()
            #expect(staging.isThere())
            let status = await transfer.transfer.status()
            #expect(status.wasted == 0 && status.sources["cdn"]?.received == 4 << 20)
        }
    }

    @Test func `hand their files over while they run`() async throws {
        try await Staging.with(try .directory([("a", 500_000), ("b", 700_000)])) { staging, nodes in
            let (slow, quick) = (try RangeServer(staging.served), try RangeServer(staging.served))
            slow.behave(.stalls)
            let transfer = try await staging.get(
                nodes[0],
                [try staging.plan("obs", slow, staging.files("a")), try staging.plan("cdn", quick, staging.files("b"))])
            try await wait(for: "b") { await transfer.transfer.completeFiles == staging.files("b") }
            #expect(slow.requests > 0)
            await transfer.transfer.setSource("obs", files: [], isActive: true, rateLimit: nil)
            await transfer.transfer.setSource("cdn", files: staging.files("a", "b"), isActive: true, rateLimit: nil)
            try await transfer.complete(within: 20)
            #expect(staging.isThere())
            #expect(await transfer.source("cdn").received == 1_200_000)
            #expect(await transfer.source("obs").received == 0)
        }
    }

    @Test func `that nobody answers at are no source, and take part when they answer`() async throws {
        try await Staging.with(try .directory([("a", 500_000), ("b", 700_000)]), quick) { staging, nodes in
            let (dead, alive) = (try RangeServer(staging.served), try RangeServer(staging.served))
            dead.goDown()
            let transfer = try await staging.get(
                nodes[0],
                [try staging.plan("obs", dead, staging.files("a")), try staging.plan("cdn", alive, staging.files("b"))])
            try await wait(for: "exhaustion") { await transfer.isExhausted("obs") }
            try await wait(for: "b") { await transfer.transfer.completeFiles == staging.files("b") }
            try dead.comeUp()
            try await transfer.complete()
            #expect(await transfer.source("obs").received == 500_000)
            #expect(staging.isThere())
        }
    }

    @Test func `that are dead hold up nobody who has the same files`() async throws {
        try await Staging.with(try .directory([("a", 500_000), ("b", 700_000)]), quick) { staging, nodes in
            let (dead, alive) = (try RangeServer(staging.served), try RangeServer(staging.served))
            dead.goDown()
            let transfer = try await staging.get(
                nodes[0],
                [try staging.plan("obs", dead, staging.files()), try staging.plan("cdn", alive, staging.files())])
            try await transfer.complete(within: 20)
            #expect(staging.isThere() && dead.requests == 0)
        }
    }

    @Test(arguments: [403, 404, 410]) func `that refuse a file say which, and others take it`(status: Int) async throws
    {
        try await Staging.with(try .directory([("a", 500_000), ("b", 700_000)]), quick) { staging, nodes in
            let (bare, full) = (try RangeServer(staging.served), try RangeServer(staging.served))
            if status == 404 { bare.lack(["dcp/a"]) } else { bare.behave(.answers(status)) }
            let transfer = try await staging.get(nodes[0], [try staging.plan("cdn", bare, staging.files())])
            if status == 404 {
                try await wait(for: "b") { await transfer.transfer.completeFiles == staging.files("b") }
            }
            try await wait(for: "exhaustion") {
                let source = await transfer.source("cdn")
                guard case .exhausted(let reason, _) = source.state else { return false }
                return reason.kind == .status(status) && source.missingFiles.isSuperset(of: staging.files("a"))
            }
            await transfer.transfer.addSource(try staging.plan("obs", full, staging.files()))
            try await transfer.complete()
            #expect(staging.isThere())
            if status == 404 { #expect(await transfer.source("obs").received == 500_000) }
        }
    }

    @Test func `with wrong bytes cost nothing but themselves`() async throws {
        try await Staging.with(try .directory([("a", 500_000), ("b", 700_000)]), quick) { staging, nodes in
            let (liar, honest) = (try RangeServer(staging.served), try RangeServer(staging.served))
            liar.behave(.lies)
            let transfer = try await staging.get(nodes[0], [try staging.plan("cdn", liar, staging.files())])
            try await wait(for: "a lie") { await transfer.isExhausted("cdn") }
            await transfer.transfer.addSource(try staging.plan("obs", honest, staging.files()))
            try await transfer.complete()
            #expect(staging.isThere())
        }
    }

    @Test func `keep to their limit`() async throws {
        try await Staging.with(try .single(3 << 20)) { staging, nodes in
            let server = try RangeServer(staging.served)
            let start = ContinuousClock.now
            let transfer = try await staging.get(
                nodes[0], [try staging.plan("cdn", server, staging.files(), rateLimit: 1 << 20)])
            try await wait(for: "the first third") { await transfer.source("cdn").received >= 1 << 20 }
            #expect((ContinuousClock.now - start).seconds > 0.4)
            await transfer.transfer.setSource("cdn", files: staging.files(), isActive: true, rateLimit: nil)
            try await transfer.complete(within: 20)
        }
    }

    @Test func `keep connections and ask for long ranges`() async throws {
        try await Staging.with(try .single(64 << 20, pieceLength: 1 << 20)) { staging, nodes in
            let server = try RangeServer(staging.served)
            let transfer = try await staging.get(nodes[0], [try staging.plan("cdn", server, staging.files())])
            try await transfer.complete()
            // One for every block would be 4,096. How long they are follows the rate, so a busy machine sees more.
            #expect(server.requests < 512)
            #expect(server.sentBytes < 66 << 20)
        }
    }
}
