import Foundation
import Metainfo
import Storage
@testable import Swarm
import TestSupport
import Testing

@Suite struct `Staged transfers` {
    private static let files = [
        ("bt/one", 900_000), ("bt/two", 400_000), ("http/three", 800_000), ("http/four", 30_000),
    ]

    @Test func `of one content, one from peers and one from a server, share a directory and seed on where it is moved`()
        async throws
    {
        let sample = try Sample.directory(Self.files, version: .v1)
        let origin = try TemporaryDirectory()
        let path = try sample.write(into: origin.path)
        try await Staging.with(sample, nodes: 3) { staging, nodes in
            _ = try await nodes[0].seed(sample, from: path).complete()
            let seed = try await nodes[0].address
            let server = try RangeServer(staging.served)
            let own = staging.files("bt/one", "bt/two")
            let others = staging.files("http/three", "http/four")
            let fromServer = try await staging.get(nodes[1], [try staging.plan("cdn", server, others)], record: "b") {
                $0.fileIndices = others
            }
            let fromPeers = try await staging.get(nodes[1], record: "a") {
                $0.usesPeers = true
                $0.extraPeers = [seed]
                $0.fileIndices = own
            }
            try await fromPeers.complete()
            try await fromServer.complete()
            #expect(staging.isThere())
            #expect(await fromPeers.source("peers").received == staging.size(own))
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: staging.place.path).sorted() == [
                    "records", "staging",
                ])

            let final = staging.place.path + "/final"
            let from = staging.content
            try await fromPeers.transfer.relocate(to: final) {
                guard rename(from, final) == 0 else { throw TimedOut(description: "cannot rename") }
            }
            try await fromServer.transfer.relocate(to: final)
            #expect(staging.isThere(at: final) && !FileManager.default.fileExists(atPath: staging.content))
            await fromServer.transfer.stop()

            // Somebody else gets a file of the share from it alone.
            let target = try TemporaryDirectory()
            let address = try await nodes[1].address
            let leecher = try await nodes[2].get(sample.torrent, into: target.path, from: [address]) {
                $0.selection = ["bt/one"]
            }
            try await leecher.complete()
            #expect(
                FileManager.default.contents(atPath: target.path + "/content/bt/one").map { [UInt8]($0) }
                    == sample.files["bt/one"])
        }
    }

    @Test(arguments: [Info.Version.v1, .hybrid]) func `go on after a kill with what was recorded`(version: Info.Version)
        async throws
    {
        let sample = try Sample.directory([("a", 1_500_000), ("b", 1_500_000)], version: version)
        try await Staging.with(
            sample,
            { $0.syncPolicy = SyncPolicy(interval: 0.05, bytes: 100_000) }
        ) { staging, nodes in
            let server = try RangeServer(staging.served)
            server.behave(.crawls(1 << 20))
            let transfer = try await staging.get(nodes[0], [try staging.plan("cdn", server, staging.files())])
            let record = staging.place.path + "/records/one/record"
            try await wait(for: "a record of half") {
                guard await transfer.source("cdn").received > 1_200_000,
                    let bytes = FileManager.default.contents(atPath: record)
                else {
                    return false
                }
                return (try? ResumeRecord.decode([UInt8](bytes)))?.pieces.count ?? 0 > 20
            }
            // What a kill at this moment would leave: a record, and content that has gone on a little.
            let later = try Staging(sample)
            let files = FileManager.default
            try files.createDirectory(atPath: later.place.path + "/records/one", withIntermediateDirectories: true)
            try files.copyItem(atPath: record, toPath: later.place.path + "/records/one/record")
            try files.copyItem(atPath: staging.content, toPath: later.content)
            await transfer.transfer.stop()

            let second = try RangeServer(later.served)
            let resumed = try await later.get(nodes[0], [try later.plan("cdn", second, later.files())])
            try await resumed.complete()
            #expect(later.isThere())
            let kept = try #require(resumed.checked)
            #expect(kept > 500_000)
            #expect(Int64(second.sentBytes) <= 3_000_000 - kept + 65_536)
            await later.client.shutdown()
        }
    }

    @Test func `that were stopped go on with every piece they had`() async throws {
        try await Staging.with(try .single(3 << 20)) { staging, nodes in
            let server = try RangeServer(staging.served)
            server.behave(.crawls(1 << 20))
            let first = try await staging.get(nodes[0], [try staging.plan("cdn", server, staging.files())])
            try await wait(for: "some of it") { await first.source("cdn").received > 500_000 }
            await first.transfer.stop()
            let received = await first.transfer.status().done
            server.behave(.serves)
            let second = try await staging.get(nodes[0], [try staging.plan("cdn", server, staging.files())])
            try await second.complete()
            let kept = try #require(second.checked)
            // A piece may have become whole while it stopped.
            #expect(kept >= received)
            #expect(await second.source("cdn").received == (3 << 20) - kept)
            #expect(staging.isThere())
        }
    }

    @Test func `fetch a file again that was found wrong, from another source`() async throws {
        let sample = try Sample.directory(Self.files, version: .hybrid)
        try await Staging.with(sample) { staging, nodes in
            let (first, second) = (try RangeServer(staging.served), try RangeServer(staging.served))
            let transfer = try await staging.get(
                nodes[0], [try staging.plan("obs", first, staging.files()), try staging.plan("cdn", second, [])])
            try await transfer.complete()
            let path = staging.content + "/bt/two"
            try Data(repeating: 7, count: 400_000).write(to: URL(fileURLWithPath: path))
            #expect(!staging.isThere())
            let file = try #require(staging.files("bt/two").first)
            await transfer.transfer.setSource("cdn", files: staging.files("bt/two"), isActive: true, rateLimit: nil)
            #expect(await transfer.transfer.refetch(file: file, except: "obs"))
            try await wait(for: "a second completion") {
                transfer.events.count { if case .complete = $0 { true } else { false } } == 2
            }
            #expect(staging.isThere())
            #expect(await transfer.source("cdn").received == 400_000)
            #expect(await !transfer.transfer.refetch(file: 10_000))
        }
    }

    @Test func `have one owner of each record`() async throws {
        try await Staging.with(try .single()) { staging, nodes in
            let first = try await staging.get(nodes[0])
            try await wait(for: "the lock") { await first.transfer.status().state == .downloading }
            let second = try await staging.get(nodes[0])
            #expect(try await second.failed().message.contains("working on it"))
        }
    }

    @Test func `are not moved before they are complete`() async throws {
        try await Staging.with(try .single()) { staging, nodes in
            let transfer = try await staging.get(nodes[0])
            try await wait(for: "a start") { await transfer.transfer.status().state == .downloading }
            await #expect(throws: TransferError.self) { try await transfer.transfer.relocate(to: "/tmp") }
        }
    }

    @Test func `of nothing are complete at once`() async throws {
        try await Staging.with(try .directory()) { staging, nodes in
            let transfer = try await staging.get(nodes[0]) { $0.fileIndices = [] }
            try await transfer.complete()
            #expect(await transfer.transfer.status().total == 0)
        }
    }

    @Test func `need no port without peers, and get one when somebody wants them`() async throws {
        try await Staging.with(try .single()) { staging, nodes in
            _ = try await staging.get(nodes[0])
            #expect(await nodes[0].node.listenAddress == nil)
            _ = try await staging.get(nodes[0], record: "two") { $0.usesPeers = true }
            #expect(await nodes[0].node.listenAddress != nil)
        }
    }
}

@Suite struct `Peers of a staged transfer` {
    @Test func `are asked for nothing outside their window, and for the rest inside it`() async throws {
        let sample = try Sample.single(2 << 20)
        let origin = try TemporaryDirectory()
        let path = try sample.write(into: origin.path)
        try await Staging.with(sample, nodes: 2) { staging, nodes in
            _ = try await nodes[0].seed(sample, from: path).complete()
            let seed = try await nodes[0].address
            let transfer = try await staging.get(nodes[1]) {
                $0.usesPeers = true
                $0.arePeersActive = false
                $0.extraPeers = [seed]
            }
            try await wait(for: "the seed") { await transfer.peers == 1 }
            try await transfer.look()
            #expect(await transfer.source("peers").state == .paused)
            #expect(await transfer.transfer.status().downloaded == 0)
            await transfer.transfer.setPeersActive(true)
            try await transfer.complete()
            #expect(await transfer.source("peers").received == 2 << 20)
            #expect(staging.isThere())
        }
    }

    @Test func `are served while nothing is asked of them, until that is forbidden too`() async throws {
        let sample = try Sample.single(2 << 20)
        try await Staging.with(sample, nodes: 2) { staging, nodes in
            let server = try RangeServer(staging.served)
            let giver = try await staging.get(nodes[0], [try staging.plan("cdn", server, staging.files())]) {
                $0.usesPeers = true
                $0.arePeersActive = false
            }
            try await giver.complete()
            let address = try await nodes[0].address
            await giver.transfer.setSeeding(false)
            let target = try TemporaryDirectory()
            let leecher = try await nodes[1].get(sample.torrent, into: target.path, from: [address])
            try await leecher.look()
            try await giver.look()
            #expect(await leecher.transfer.status().downloaded == 0)
            #expect(await giver.peers == 0)
            await giver.transfer.setSeeding(true)
            try await leecher.complete(within: 60)
            #expect(sample.isThere(in: target.path))
        }
    }
}
