import Address
import Admission
import BlobNode
import Blobs
import Glibc
import Hashing
import Logging
import Metainfo
import NIOCore
import NameIndex
import Origin
import Registry
import RegistryAccess
import RegistryClient
import Swarm
import Synchronization
import TestSupport
import Testing
import Text
import Threads

private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A registry on loopback with its upkeep.
private struct Place {
    let home: TemporaryDirectory
    let node: BlobNode
    let index: SQLiteTagStore
    let service: IndexService
    let upkeep: OriginUpkeep
    let client: RegistryClient

    static func run(_ body: (Place) async throws -> Void) async throws {
        let home = try TemporaryDirectory(inMemory: true)
        let swarm = try SwarmNode(logger: quiet)
        let node = BlobNode(
            directory: try BlobDirectory(path: home.path), swarm: swarm, options: TransferOptions(), logger: quiet)
        let index = try await SQLiteTagStore.open(home.path("index.db"), rules: try TagRules())
        let upkeep = OriginUpkeep(node: node, cold: nil, holders: OriginHolders(index), logger: quiet)
        let server = try await RegistryServer.start(
            at: [ListenAddress(host: "127.0.0.1", port: 0)], node: node, index: index, upkeep: upkeep, peers: "",
            trackers: [], access: .local, admission: Admission(), logger: quiet)
        let url = try #require(HTTPURL("http://\(server.addresses[0])"))
        let client = RegistryClient(base: url)
        let result: Result<Void, any Error>
        do {
            try await body(
                Place(
                    home: home, node: node, index: index,
                    service: RegistryServer.service(node: node, index: index, cold: nil, upkeep: upkeep),
                    upkeep: upkeep, client: client))
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await client.shutdown()
        await server.stop()
        await swarm.shutdown()
        await index.close()
        try result.get()
    }

    /// A blob that a name has, that no tag reaches, and that nobody touched for long.
    func leave(_ bytes: [UInt8], to name: ContentName) async throws -> BlobDigest {
        let digest = SHA256.digest(bytes)
        let upload = try BlobUpload(in: node.directory)
        try upload.enter(at: nil)
        try bytes.withUnsafeBytes { try upload.append([$0]) }
        let blob = try upload.finish(digest)
        node.catalogue.add(digest, blob.info, usedAt: 1)
        try await index.link([BlobDigest(digest)], to: name, at: 1)
        return BlobDigest(digest)
    }

    /// Leaves a download that ended early.
    /// - Parameter days: how long ago its last byte came.
    func leaveDownload(days: Int) throws -> SHA256Digest {
        let digest = SHA256.digest([UInt8(days)])
        try home.write("downloads/\(digest.hex)/data", [1, 2, 3])
        let time = timeval(tv_sec: Int(Clocks.wallSeconds) - days * 86_400, tv_usec: 0)
        for path in ["/data", ""] {
            guard utimes(home.path("downloads/\(digest.hex)" + path), [time, time]) == 0 else {
                throw SystemFailure("utimes \(path)")
            }
        }
        return digest
    }

    /// Pushes as clients do: what is there is not sent.
    /// - Returns: how many blobs were there.
    func push(_ files: [[UInt8]], as reference: Reference) async throws -> Int {
        var (entries, found): ([FilesManifest.File], Int) = ([], 0)
        for (number, bytes) in (files + [FilesManifest.emptyConfig]).enumerated() {
            let digest = BlobDigest(SHA256.digest(bytes))
            if try await client.size(of: digest, in: reference.name) != nil {
                found += 1
            } else {
                try await client.upload(bytes, digest, in: reference.name)
            }
            guard number < files.count else { continue }
            entries.append(
                .init(
                    path: try SafePath("file\(number)"), digest: digest, size: Int64(bytes.count), isExecutable: false))
        }
        try await client.put(FilesManifest.make(entries), type: Manifest.imageType, as: reference)
        return found
    }

    func content(_ digest: BlobDigest, in name: ContentName) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        try await client.open(digest, in: name).forEach { bytes += $0.readableBytesView }
        return bytes
    }

    var now: Int64 { Int64(Clocks.wallSeconds * 1_000) }
}

private final class Race: Sendable {
    let isOver = Mutex(false)
    let swept = Mutex(0)
}

@Suite struct `Collection of a registry` {
    @Test func `beside pushes in a loop loses nothing that was accepted, and no manifest its blobs`() async throws {
        try await Place.run { place in
            let name = try #require(ContentName("team/app"))
            let race = Race()
            let collector = Task {
                while !race.isOver.withLock({ $0 }) {
                    let (_, removed) = try await place.service.collect(now: place.now, dryRun: false)
                    race.swept.withLock { $0 += removed.blobs }
                }
            }
            var pushed: [(reference: Reference, files: [[UInt8]])] = []
            var found = 0
            for round in 0..<40 {
                let contents = (0..<4).map { pusher in
                    (0..<3).map { randomBytes(2_000, seed: UInt64(round * 100 + pusher * 10 + $0)) }
                }
                for bytes in contents.joined() { _ = try await place.leave(bytes, to: name) }
                found += try await withThrowingTaskGroup(of: Int.self) { group in
                    for (pusher, files) in contents.enumerated() {
                        let tag = try #require(Tag("r\(round)-\(pusher)"))
                        let reference = Reference(name: name, version: .tag(tag))
                        pushed.append((reference, files))
                        group.addTask { try await place.push(files, as: reference) }
                    }
                    return try await group.reduce(0, +)
                }
            }
            race.isOver.withLock { $0 = true }
            try await collector.value
            _ = try await place.service.collect(now: place.now, dryRun: false)
            for (reference, files) in pushed {
                let manifest = try await place.client.manifest(reference)
                #expect(manifest.layers.count == files.count)
                for (layer, bytes) in zip(manifest.layers, files) {
                    let isRight = try await place.content(layer.digest, in: name) == bytes
                    #expect(isRight, "\(reference) \(layer.digest)")
                }
            }
            // It was a race.
            #expect(found > 0 && race.swept.withLock { $0 } > 0)
        }
    }

    @Test func `takes what no tag reaches from names and the disk, after a day`() async throws {
        try await Place.run { place in
            let name = try #require(ContentName("team/app"))
            let reference = try #require(Reference("team/app:1"))
            let old = try await place.leave([1, 2, 3], to: name)
            _ = try await place.push([[4, 5, 6]], as: reference)
            let dry = try await place.service.collect(now: place.now, dryRun: true)
            #expect(dry.collected == Collected(links: 1) && dry.swept == SweptBlobs(blobs: 1, bytes: 3))
            let done = try await place.service.collect(now: place.now, dryRun: false)
            #expect(done.collected == dry.collected && done.swept == dry.swept)
            #expect(try await place.client.size(of: old, in: name) == nil)
            #expect(try place.node.directory.size(of: old.sha256) == nil)
            // A tag that was deleted is kept for a day.
            try await place.client.delete(reference)
            #expect(try await place.service.collect(now: place.now, dryRun: false).swept == SweptBlobs())
            let later = place.now + 2 * 86_400_000
            let swept = try await place.service.collect(now: later, dryRun: false)
            #expect(swept.collected.manifests == 1 && swept.swept.blobs == 2)
            #expect(place.node.catalogue.figures.blobs == 0)
        }
    }

    @Test func `comes a day after the last, whatever the clock did`() {
        let day = DailyCollection.period
        func turn(_ last: Int64?, _ now: Int64) -> CollectionTurn { CollectionTurn(last: last, now: now, period: day) }
        let first = turn(nil, 5)
        #expect(!first.isDue && first.last == 5)
        let early = turn(100, 99 + day)
        #expect(!early.isDue && early.last == nil)
        for now in [100 + day, 100 + 3 * day] {
            let due = turn(100, now)
            #expect(due.isDue && due.last == now)
        }
        let wrong = turn(10 * day, day)
        #expect(!wrong.isDue && wrong.last == day)
    }

    @Test func `A day after its last byte a download that nobody goes on with is removed`() async throws {
        try await Place.run { place in
            // It ended two days before this process began, and nobody could go on with it since.
            let digest = try place.leaveDownload(days: 2)
            let (now, begun) = (Clocks.wallSeconds, Clocks.steadySeconds)
            await place.upkeep.removeOldDownloads(now: now + 86_000, steady: begun + 86_000)
            // Whoever sets the wall clock makes the process no older.
            await place.upkeep.removeOldDownloads(now: now + 4 * 86_400, steady: begun + 600)
            #expect(place.home.names("downloads") == [digest.hex])
            await place.upkeep.removeOldDownloads(now: now + 86_500, steady: begun + 86_500)
            #expect(place.home.names("downloads").isEmpty)
        }
    }

    @Test func `An origin that is started again each day removes downloads after a week`() async throws {
        try await Place.run { place in
            let young = try place.leaveDownload(days: 6)
            _ = try place.leaveDownload(days: 8)
            await place.upkeep.removeOldDownloads(now: Clocks.wallSeconds, steady: Clocks.steadySeconds)
            #expect(place.home.names("downloads") == [young.hex])
        }
    }

    @Test func `comes by itself, once for all indexes of a store`() async throws {
        try await Place.run { place in
            _ = try await place.leave([1, 2, 3], to: try #require(ContentName("team/app")))
            let clock = Mutex(place.now)
            // The first question begins the period.
            #expect(try await !place.index.claimCollection(now: place.now, period: DailyCollection.period))
            let daily = (0..<2).map { _ in
                DailyCollection(
                    place.service, every: .milliseconds(5), now: { clock.withLock { $0 } }, logger: quiet)
            }
            for one in daily { await one.start() }
            #expect(place.node.catalogue.figures.blobs == 1)
            clock.withLock { $0 += 2 * DailyCollection.period }
            try await wait(for: "collection") { place.node.catalogue.figures.blobs == 0 }
            for one in daily { await one.stop() }
        }
    }
}
