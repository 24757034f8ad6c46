import Foundation
import Hashing
import Metainfo
import PeerWire
import Synchronization
import TestSupport
import Testing
import Tracking

@testable import Swarm

/// A shelf in memory, over content on disk.
private final class TestShelf: Shelf {
    private struct Missing: Error {}

    private let samples: [SHA1Digest: Sample]
    private let directory: String
    private let state = Mutex((opened: 0, isBroken: false))
    private let door = NSCondition()
    /// Under the lock of `door`.
    private nonisolated(unsafe) var isHeld = false

    init(_ samples: [Sample], in directory: String) throws {
        self.directory = directory
        var byHash: [SHA1Digest: Sample] = [:]
        for sample in samples {
            try sample.write(into: directory)
            for hash in sample.info.hashes.wire { byHash[hash] = sample }
        }
        self.samples = byHash
    }

    var opened: Int { state.withLock(\.opened) }
    func breakDown(_ isBroken: Bool) { state.withLock { $0.isBroken = isBroken } }
    /// Whether whoever opens something waits.
    func hold(_ isHeld: Bool) {
        door.withLock {
            self.isHeld = isHeld
            door.broadcast()
        }
    }

    func mayHave(_ hash: SHA1Digest) -> Bool { samples[hash] != nil }

    func open(_ hash: SHA1Digest) throws -> ShelvedContent? {
        state.withLock { $0.opened += 1 }
        door.withLock { while isHeld { door.wait() } }
        if state.withLock(\.isBroken) { throw Missing() }
        return samples[hash].map { ShelvedContent(torrent: $0.torrent, path: "\(directory)/\($0.name)") }
    }
}

@Suite struct `A shelf of torrents` {
    private let place: TemporaryDirectory
    private let samples: [Sample]
    private let shelf: TestShelf

    init() throws {
        place = try TemporaryDirectory()
        let versions: [Info.Version] = [.v1, .v2, .hybrid]
        samples = try (0..<12).map {
            try .single(200_000 + $0, name: "content\($0)", version: versions[$0 % 3], seed: UInt64($0))
        }
        shelf = try TestShelf(samples, in: place.directory("shelf"))
    }

    private func with(
        idle: Double = 0.3, awake: Int = 100, loops: Int = 1,
        _ body: (_ shelf: TestNode, _ other: TestNode) async throws -> Void
    ) async throws {
        try await TestNode.with(2) {
            $0.shelf = ShelfLimits(awake: awake, idle: idle, look: 0.05)
            $0.loops = loops
        } _: { nodes in
            try await nodes[0].node.serve(shelf, options: nodes[0].options())
            try await body(nodes[0], nodes[1])
        }
    }

    @Test(arguments: [1, 3]) func `gives what is asked for, in any version, and opens nothing else`(loops: Int)
        async throws
    {
        try await with(idle: 60, loops: loops) { server, client in
            #expect(await server.node.awakeTorrents == 0)
            let wanted = samples.prefix(7)
            var transfers: [WatchedTransfer] = []
            for sample in wanted {
                transfers.append(
                    try await client.get(
                        sample.torrent, into: place.directory("into"), from: [server.address]))
            }
            for transfer in transfers { try await transfer.complete() }
            for sample in wanted { #expect(try sample.isThere(in: place.directory("into"))) }
            #expect(await server.node.awakeTorrents == 7)
            #expect(shelf.opened == 7)
            // Those that are awake are shared out.
            #expect(server.node.loops.places.loads.max() == (7 + loops - 1) / loops)
        }
    }

    @Test func `a magnet link is enough`() async throws {
        try await with { server, client in
            let magnet = Magnet(hashes: samples[2].info.hashes)
            let transfer = try await client.get(magnet, into: place.directory("into"), from: [server.address])
            try await transfer.complete()
            #expect(try samples[2].isThere(in: place.directory("into")))
        }
    }

    @Test(arguments: [1, 3]) func `whoever is left alone rests, and wakes again for the next peer`(loops: Int)
        async throws
    {
        try await with(loops: loops) { server, client in
            for into in ["first", "second"] {
                let transfer = try await client.get(
                    samples[0].torrent, into: place.directory(into), from: [server.address])
                try await transfer.complete()
                await transfer.transfer.stop()
                try await wait(for: "rest") { await server.node.awakeTorrents == 0 }
                try await wait(for: "what it gave to be counted") { server.node.givenFromShelf > 0 }
                try await wait(for: "its place to be given back") { server.node.loops.places.loads.max() == 0 }
            }
            #expect(shelf.opened == 2)
        }
    }

    @Test(arguments: [1, 3]) func `those who ask while a torrent is being opened all get it, and it is opened once`(
        loops: Int
    ) async throws {
        try await with(idle: 60, loops: loops) { server, _ in
            shelf.hold(true)
            let (address, info) = (try await server.address, samples[1].info)
            try await withThrowingTaskGroup(of: PeerID?.self) { group in
                for _ in 0..<5 {
                    group.addTask {
                        try await onThread {
                            let socket = try PeerSocket.connect(address)
                            try socket.shakeHands(info)
                            return socket.handshake?.peerID
                        }
                    }
                }
                try await wait(for: "the first to ask") { shelf.opened == 1 }
                shelf.hold(false)
                var answered = 0
                for try await id in group where id != nil { answered += 1 }
                #expect(answered == 5)
            }
            #expect(shelf.opened == 1)
        }
    }

    @Test(arguments: [1, 3]) func `what is not there, or cannot be opened, ends the connection and nothing else`(
        loops: Int
    ) async throws {
        try await with(loops: loops) { server, client in
            let address = try await server.address
            let unknown = try Sample.single(1_000, name: "unknown", version: .v1)
            func isRefused(_ info: Info) async throws -> Bool {
                try await onThread {
                    let socket = try PeerSocket.connect(address)
                    do { try socket.shakeHands(info) } catch PeerSocket.Failure.closed { return true }
                    return false
                }
            }
            #expect(try await isRefused(unknown.info))
            shelf.breakDown(true)
            #expect(try await isRefused(samples[0].info))
            shelf.breakDown(false)
            #expect(await server.node.awakeTorrents == 0)
            let transfer = try await client.get(samples[0].torrent, into: place.directory("into"), from: [address])
            try await transfer.complete()
        }
    }

    @Test(arguments: [1, 3]) func `who hangs up, or the end, comes while a torrent is being opened`(loops: Int)
        async throws
    {
        try await with(loops: loops) { server, _ in
            shelf.hold(true)
            let (address, info) = (try await server.address, samples[1].info)
            try await onThread {
                let gone = try PeerSocket.connect(address)
                try gone.sendHandshake(info.hashes)
                gone.reset()
            }
            let waiting = try PeerSocket.connect(address)
            try waiting.sendHandshake(info.hashes)
            try await wait(for: "being opened") { shelf.opened == 1 }
            Task { [shelf] in
                // The end, which closes the port, waits for the worker.
                _ = try? await eventually(seconds: 5) { (try? PeerSocket.connect(address)) == nil }
                shelf.hold(false)
            }
        }
    }

    @Test func `when all that may be awake are, one that is idle makes room, and one that is busy does not`()
        async throws
    {
        try await with(idle: 60, awake: 2) { server, client in
            let address = try await server.address
            let socket = try PeerSocket.connect(address)
            try socket.shakeHands(samples[0].info)
            for sample in samples[1..<4] {
                let transfer = try await client.get(sample.torrent, into: place.directory("into"), from: [address])
                try await transfer.complete()
                await transfer.transfer.stop()
                try await wait(for: "the end of the connection") { await server.node.awakeTorrents <= 2 }
            }
            // It was never closed to make room.
            socket.patience = 0.2
            #expect(!socket.isClosed())
            #expect(shelf.opened == 4)
        }
    }

    @Test func `what may be awake is one number for all loops`() async throws {
        try await with(idle: 60, awake: 2, loops: 3) { server, _ in
            let address = try await server.address
            func wake(_ sample: Sample) async throws -> Handed<PeerSocket> {
                let info = sample.info
                return try await onThread {
                    let socket = try PeerSocket.connect(address)
                    try socket.shakeHands(info)
                    return Handed(socket)
                }
            }
            let busy = [try await wake(samples[0]), try await wake(samples[1])]
            await #expect(throws: PeerSocket.Failure.closed) { try await wake(samples[2]) }
            #expect(await server.node.awakeTorrents == 2)
            busy[0].value.reset()
            // It rests on its own loop when another has no room.
            try await wait(for: "room") {
                do { _ = try await wake(samples[2]) } catch PeerSocket.Failure.closed { return false }
                return true
            }
            #expect(await server.node.awakeTorrents == 2)
            _ = busy
        }
    }
}

@Suite struct `Torrents that are awake` {
    private typealias Torrents = AwakeTorrents<Int, String>
    private let one = SHA1Digest(bytes: [UInt8](repeating: 1, count: 20))!
    private let two = SHA1Digest(bytes: [UInt8](repeating: 2, count: 20))!

    @Test func `the first asks for it to be opened, the others wait`() {
        var torrents = Torrents(limits: ShelfLimits(awake: 1))
        #expect(torrents.ask(one, 1) == .open)
        #expect(torrents.ask(one, 2) == .wait)
        #expect(torrents.ask(two, 3) == .full)
        #expect(torrents.opened(one, as: "one", now: 0) == [1, 2])
        #expect(torrents.awake[one]?.torrent == "one")
        #expect(torrents.opening.isEmpty)
        #expect(torrents.ask(two, 3) == .full)
    }

    @Test func `those that are awake on other loops count`() {
        var torrents = Torrents(limits: ShelfLimits(awake: 2))
        #expect(torrents.ask(one, 1, others: 1) == .open)
        #expect(torrents.ask(one, 2, others: 1) == .wait)
        #expect(torrents.ask(two, 3, others: 1) == .full)
        #expect(torrents.ask(two, 3, others: 0) == .open)
    }

    @Test func `what could not be opened is forgotten`() {
        var torrents = Torrents(limits: ShelfLimits())
        _ = torrents.ask(one, 1)
        #expect(torrents.opened(one, as: nil, now: 0) == [1])
        #expect(torrents.isEmpty)
    }

    @Test func `rest comes after the time without peers, which begins anew with each`() {
        var torrents = Torrents(limits: ShelfLimits(idle: 10))
        _ = torrents.ask(one, 1)
        _ = torrents.opened(one, as: "one", now: 0)
        #expect(torrents.rest(now: 9, patience: 10) { _ in nil }.isEmpty)
        #expect(torrents.rest(now: 9.5, patience: 10) { _ in 5 }.isEmpty)
        #expect(torrents.rest(now: 12, patience: 10) { _ in nil }.isEmpty)
        #expect(torrents.rest(now: 21, patience: 10) { _ in nil }.isEmpty)
        #expect(torrents.rest(now: 22, patience: 10) { _ in nil } == ["one"])
        #expect(torrents.isEmpty)
    }

    @Test func `a connection that takes nothing is no use`() {
        var torrents = Torrents(limits: ShelfLimits(untaken: 60))
        _ = torrents.ask(one, 1)
        _ = torrents.opened(one, as: "one", now: 0)
        #expect(torrents.rest(now: 50, patience: 10) { _ in 100 }.isEmpty)
        #expect(torrents.rest(now: 109, patience: 10) { _ in 100 }.isEmpty)
        // A byte more, and it is in use for as long again.
        #expect(torrents.rest(now: 109.5, patience: 10) { _ in 101 }.isEmpty)
        #expect(torrents.rest(now: 169, patience: 10) { _ in 101 }.isEmpty)
        #expect(torrents.rest(now: 170, patience: 10) { _ in 101 }.isEmpty)
        #expect(torrents.rest(now: 181, patience: 10) { _ in 101 } == ["one"])
    }

    @Test func `without patience all that are idle rest at once`() {
        var torrents = Torrents(limits: ShelfLimits())
        for hash in [one, two] {
            _ = torrents.ask(hash, 1)
            _ = torrents.opened(hash, as: hash == one ? "one" : "two", now: 0)
        }
        #expect(torrents.rest(now: 0, patience: 0) { $0 == "two" ? 0 : nil } == ["one"])
        #expect(torrents.awake.keys.map(\.self) == [two])
    }
}
