import Foundation
import Metainfo
import PeerWire
import Synchronization
import TestSupport
import Testing
import Tracking

@testable import Swarm

@Suite struct BeginningsAndEnds {
    @Test func `a download goes on where it was stopped`() async throws {
        let sample = try Sample.single(4 << 20, version: .v1)
        let place = try TemporaryDirectory()
        try await TestNode.with(2) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed"))) {
                $0.uploadLimit = 2 << 20
            }
            try await seed.complete()
            let directory = try place.directory("leecher")
            let first = try await nodes[1].get(sample.torrent, into: directory, from: [nodes[0].address])
            try await wait(for: "the half of it") { await first.transfer.status().done > 2 << 20 }
            await first.transfer.stop()
            let second = try await nodes[1].get(sample.torrent, into: directory, from: [nodes[0].address])
            try await second.complete()
            let fetched = await second.transfer.status().downloaded
            #expect(fetched < (2 << 20) + (1 << 18), "what was there was not fetched again")
        }
        #expect(try sample.isThere(in: place.directory("leecher")))
    }

    @Test func `a download that is stopped while it checks lets go of its place`() async throws {
        let sample = try Sample.single(4 << 20, version: .v1)
        let place = try TemporaryDirectory()
        try await TestNode.with(2) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let directory = try place.directory("leecher")
            for _ in 0..<10 {
                let stopped = try await nodes[1].get(sample.torrent, into: directory, from: [])
                await stopped.transfer.stop()
            }
            // The locks of those that were stopped are gone soon.
            var last: WatchedTransfer?
            try await wait(for: "the lock") {
                let next = try await nodes[1].get(sample.torrent, into: directory, from: [nodes[0].address])
                try await wait(for: "an answer") { next.failure != nil || next.events.count >= 2 }
                last = next
                return next.failure == nil
            }
            try await #require(last).complete()
        }
        #expect(try sample.isThere(in: place.directory("leecher")))
    }

    @Test func `content under the same name is replaced only when told`() async throws {
        let sample = try Sample.single(500_000)
        let place = try TemporaryDirectory()
        try await TestNode.with(2) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let directory = try place.directory("leecher")
            try Data(repeating: 7, count: 1000).write(to: URL(fileURLWithPath: directory + "/content"))
            let refused = try await nodes[1].get(sample.torrent, into: directory, from: [nodes[0].address])
            _ = try await refused.failed()
            #expect(FileManager.default.contents(atPath: directory + "/content") == Data(repeating: 7, count: 1000))
            await refused.transfer.stop()
            let told = try await nodes[1].get(sample.torrent, into: directory, from: [nodes[0].address]) {
                $0.overwrite = true
            }
            try await told.complete()
        }
        #expect(try sample.isThere(in: place.directory("leecher")))
    }

    @Test func `what is there is not fetched`() async throws {
        let sample = try Sample.directory()
        let place = try TemporaryDirectory()
        try sample.write(into: place.path)
        try await TestNode.with(1) { nodes in
            let leecher = try await nodes[0].get(sample.torrent, into: place.path)
            try await leecher.complete()
            #expect(await leecher.transfer.status().downloaded == 0)
        }
    }

    @Test(arguments: [true, false]) func `nobody who has it ends in time`(isMagnet: Bool) async throws {
        let sample = try Sample.single()
        let place = try TemporaryDirectory()
        try await TestNode.with(1) { nodes in
            let limit: (inout TransferOptions) -> Void = { $0.timeout = .seconds(1) }
            let leecher =
                try await isMagnet
                ? nodes[0].get(sample.torrent.magnet, into: place.path, limit)
                : nodes[0].get(sample.torrent, into: place.path, limit)
            #expect(try await leecher.failed(within: 10).kind == .other)
        }
    }

    @Test func `a seed whose content is not the torrent's fails`() async throws {
        let sample = try Sample.single()
        let place = try TemporaryDirectory()
        let path = try sample.write(into: place.path)
        try await TestNode.with(1) { nodes in
            let missing = try await nodes[0].seed(sample, from: place.path + "/nothing")
            _ = try await missing.failed()
            let file = try #require(FileHandle(forWritingAtPath: path))
            try file.seek(toOffset: 100_000)
            try file.write(contentsOf: Data([0]))
            let wrong = try await nodes[0].seed(sample, from: path)
            let failure = try await wrong.failed()
            #expect(failure.kind == .verification)
            #expect(failure.message.contains("'\(sample.torrent.info.name.display)'"), "it names the file")
        }
    }

    @Test func `many small downloads that finish while they sync all complete`() async throws {
        // A sync is begun with the first piece, and the last comes soon after it.
        let sample = try Sample.single(20 * 65_536, version: .v1)
        let place = try TemporaryDirectory()
        try await TestNode.with(2, { $0.syncPolicy.interval = 0 }) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed"))) {
                $0.uploadLimit = 4 << 20
            }
            try await seed.complete()
            for index in 0..<10 {
                let leecher = try await nodes[1].get(
                    sample.torrent, into: place.directory("\(index)"), from: [nodes[0].address])
                try await leecher.complete()
                await leecher.transfer.stop()
            }
        }
    }
}

@Suite struct MagnetsAndLiars {
    private let sample: Sample
    init() throws { sample = try .single(600_000, pieceLength: 16384, version: .v2) }

    private func metadataPeer(
        _ sample: Sample, size: Int, _ answer: @escaping @Sendable (PeerSocket, Int, [UInt8]) throws -> Void
    ) throws -> ScriptedPeer {
        try ScriptedPeer { socket, _ in
            try socket.answerHands(sample.info, hashes: sample.info.hashes)
            try socket.send(.extended(.handshake(ownHandshake { $0.metadataSize = size })), .haveAll, .unchoke)
            while true {
                guard case .message(.extended(.metadata(.request(let piece)))) = try socket.next() else { continue }
                let bytes = sample.info.bytes
                try answer(socket, piece, Array(bytes.dropFirst(piece * 16384).prefix(16384)))
            }
        }
    }

    private func fetch(beside liar: ScriptedPeer, within seconds: Double = 40) async throws {
        let place = try TemporaryDirectory()
        try await TestNode.with(2) { [sample] nodes in
            let leecher = try await nodes[1].get(
                sample.torrent.magnet, into: place.directory("leecher"), from: [liar.address])
            try await wait(for: "the liar to be met") { liar.connections > 0 }
            await leecher.transfer.stop()
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let both = try await nodes[1].get(
                sample.torrent.magnet, into: place.directory("leecher"), from: [liar.address, nodes[0].address])
            try await both.complete(within: seconds)
        }
        #expect(try sample.isThere(in: place.directory("leecher")))
    }

    /// Wrong sizes without an answer, wrong bytes, and rejects. The time is spent waiting, so that all are tried at once,
    /// in transfers of their own.
    @Test func `a peer that lies about metadata costs seconds`() async throws {
        let size = sample.info.bytes.count
        var liars = try [1, 16384, 1 << 20, 64 << 20, 1 << 40].map { try metadataPeer(sample, size: $0) { _, _, _ in } }
        liars.append(
            try metadataPeer(sample, size: size) { socket, piece, bytes in
                var bytes = bytes
                bytes[bytes.count / 2] ^= 1
                try socket.send(.extended(.metadata(.data(piece: piece, totalSize: size, bytes: bytes))))
            })
        liars.append(
            try metadataPeer(sample, size: size) { socket, piece, _ in
                try socket.send(.extended(.metadata(.reject(piece: piece))))
            })
        try await withThrowingTaskGroup(of: Void.self) { group in
            for liar in liars { group.addTask { try await fetch(beside: liar) } }
            try await group.waitForAll()
        }
    }

    @Test func `wrong hashes are seen and their sender is not asked again`() async throws {
        let sample = sample
        let liar = try ScriptedPeer { socket, _ in
            try socket.answerHands(sample.info, hashes: sample.info.hashes)
            let size = sample.info.bytes.count
            try socket.send(.extended(.handshake(ownHandshake { $0.metadataSize = size })), .haveAll)
            while true {
                switch try socket.next() {
                case .message(.extended(.metadata(.request(let piece)))):
                    try socket.send(
                        .extended(.metadata(.data(piece: piece, totalSize: size, bytes: sample.info.bytes))))
                case .message(.hashRequest(let request)):
                    try socket.send(.hashes(request, Array(repeating: .zero, count: request.hashCount)))
                default: break
                }
            }
        }
        try await fetch(beside: liar)
    }

    @Test func `a magnet fetch meets itself once`() async throws {
        // The id that answers is the caller's own.
        let mirror = try ScriptedPeer { [sample] socket, _ in
            try socket.receiveHandshake(nil)
            let handshake = try #require(socket.handshake)
            try socket.sendHandshake(sample.info.hashes, hash: handshake.infoHash, id: handshake.peerID)
            while true { _ = try socket.next() }
        }
        let place = try TemporaryDirectory()
        try await TestNode.with(1) { [sample] nodes in
            let leecher = try await nodes[0].get(sample.torrent.magnet, into: place.path, from: [mirror.address]) {
                // Longer than the first waits before a host is dialled again.
                $0.timeout = .seconds(3)
            }
            _ = try await leecher.failed()
            #expect(mirror.connections == 1)
        }
    }
}

@Suite struct DisksInTrouble {
    private func expectDiskFailure(_ sample: Sample, into directory: String) async throws {
        let place = try TemporaryDirectory()
        try await TestNode.with(2) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let leecher = try await nodes[1].get(sample.torrent, into: directory, from: [nodes[0].address])
            #expect(try await leecher.failed().kind == .disk)
            // It does not go on fetching what it cannot keep.
            try await wait(for: "its end") { await leecher.peers == 0 }
            #expect(await leecher.transfer.status().downloaded < 3 * sample.layout.totalLength)
            await leecher.transfer.stop()
        }
    }

    @Test(.enabled(if: SmallDisk.isPossible)) func `a full disk fails with its name`() async throws {
        let disk = try SmallDisk(bytes: 4 << 20)
        try await expectDiskFailure(.single(16 << 20, version: .v1), into: disk.path)
    }

    @Test(.enabled(if: SmallDisk.isPossible)) func `a read only disk fails with its name`() async throws {
        let disk = try SmallDisk(bytes: 4 << 20)
        guard mount(nil, disk.path, nil, UInt(MS_REMOUNT) | UInt(MS_RDONLY), nil) == 0 else {
            throw TimedOut(description: "cannot remount")
        }
        try await expectDiskFailure(.single(), into: disk.path)
    }

    @Test func `a destination that is deleted meanwhile fails`() async throws {
        let sample = try Sample.single(16 << 20, version: .v1)
        let place = try TemporaryDirectory()
        try await TestNode.with(2) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed"))) {
                $0.uploadLimit = 8 << 20
            }
            try await seed.complete()
            let directory = try place.directory("leecher")
            let leecher = try await nodes[1].get(sample.torrent, into: directory, from: [nodes[0].address])
            try await wait(for: "some of it") { await leecher.transfer.status().done > 1 << 20 }
            try FileManager.default.removeItem(atPath: directory)
            _ = try await leecher.failed()
            #expect(!FileManager.default.fileExists(atPath: directory + "/content"))
        }
    }

    @Test func `a seed whose file is cut off warns and lives`() async throws {
        let sample = try Sample.single(4 << 20, version: .v1)
        let place = try TemporaryDirectory()
        try await TestNode.with(2) { nodes in
            let path = try sample.write(into: place.directory("seed"))
            let seed = try await nodes[0].seed(sample, from: path) { $0.uploadLimit = 2 << 20 }
            try await seed.complete()
            let leecher = try await nodes[1].get(
                sample.torrent, into: place.directory("leecher"), from: [nodes[0].address])
            try await wait(for: "some of it") { await leecher.transfer.status().done > 1 << 18 }
            try #require(FileHandle(forWritingAtPath: path)).truncate(atOffset: 1 << 16)
            try await wait(for: "a warning") { !seed.warnings.isEmpty }
            #expect(leecher.failure == nil)
            // A whole copy from elsewhere completes the leecher; the seed does not write into what it only serves.
            let other = try ScriptedSeed(sample: sample).listen()
            await leecher.transfer.stop()
            let again = try await nodes[1].get(
                sample.torrent, into: place.directory("leecher"), from: [other.address, nodes[0].address])
            try await again.complete()
            try await seed.look(times: 12)
            #expect(seed.failure == nil)
            #expect(await seed.transfer.status().downloaded == 0)
            #expect(seed.warnings.count < 100)
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
            #expect(size == 1 << 16)
        }
        #expect(try sample.isThere(in: place.directory("leecher")))
    }

    @Test func `a seed whose file changed is found out`() async throws {
        let sample = try Sample.single(2 << 20, version: .v1)
        let place = try TemporaryDirectory()
        try await TestNode.with(2) { nodes in
            let path = try sample.write(into: place.directory("seed"))
            let seed = try await nodes[0].seed(sample, from: path)
            try await seed.complete()
            let file = try #require(FileHandle(forWritingAtPath: path))
            for offset in stride(from: 0, to: 2 << 20, by: 65_536) {
                try file.seek(toOffset: UInt64(offset))
                try file.write(contentsOf: Data([0, 0, 0, 0]))
            }
            let other = try ScriptedSeed(sample: sample).listen()
            let leecher = try await nodes[1].get(
                sample.torrent, into: place.directory("leecher"), from: [nodes[0].address, other.address])
            try await leecher.complete()
        }
        #expect(try sample.isThere(in: place.directory("leecher")))
    }
}
