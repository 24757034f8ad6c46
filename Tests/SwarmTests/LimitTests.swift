import Metainfo
import PeerWire
import Synchronization
import TestSupport
import Testing
import Tracking

@testable import Swarm

@Suite(.serialized) struct Limits {
    enum Way: CaseIterable { case torrentUp, torrentDown, processUp, processDown }

    @Test(arguments: Way.allCases) func `a limit is kept and not wasted`(way: Way) async throws {
        let rate = 4 << 20
        let sample = try Sample.single(8 << 20, version: .v1)
        let place = try TemporaryDirectory(inMemory: true)
        try await TestNode.with(2) { nodes in
            if way == .processUp { await nodes[0].node.setLimits(up: rate, down: nil) }
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed"))) {
                if way == .torrentUp { $0.uploadLimit = rate }
            }
            try await seed.complete()
            // Limits of the process hold once it listens.
            if way == .processUp { await nodes[0].node.setLimits(up: rate, down: nil) }
            let leecher = try await nodes[1].get(sample.torrent, into: place.directory("leecher")) {
                if way == .torrentDown { $0.downloadLimit = rate }
                $0.timeout = .seconds(60)
            }
            if way == .processDown { await nodes[1].node.setLimits(up: nil, down: rate) }
            try await wait(for: "the check") { leecher.events.count >= 2 }
            await leecher.transfer.stop()
            let timed = try await nodes[1].get(
                sample.torrent, into: place.directory("leecher"), from: [nodes[0].address]
            ) {
                if way == .torrentDown { $0.downloadLimit = rate }
            }
            try await wait(for: "the first bytes") { await timed.transfer.status().downloaded > 0 }
            let first = await timed.transfer.status().downloaded
            let start = ContinuousClock.now
            try await timed.complete()
            let seconds = (ContinuousClock.now - start).seconds
            let measured = Double((8 << 20) - first) / seconds
            #expect(abs(measured / Double(rate) - 1) < 0.25, "\(measured) of \(rate) bytes per second")
        }
    }

    @Test(arguments: [true, false]) func `a limit that is lifted is lifted at once`(isUp: Bool) async throws {
        let sample = try Sample.single(8 << 20, version: .v1)
        let place = try TemporaryDirectory(inMemory: true)
        try await TestNode.with(2) { nodes in
            let slow = 1 << 10
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed"))) {
                if isUp { $0.uploadLimit = slow }
            }
            try await seed.complete()
            let leecher = try await nodes[1].get(
                sample.torrent, into: place.directory("leecher"), from: [nodes[0].address]
            ) {
                if !isUp { $0.downloadLimit = slow }
            }
            try await wait(for: "the first bytes") { await leecher.transfer.status().downloaded > 0 }
            if isUp {
                await seed.transfer.setLimits(up: nil, down: nil)
            } else {
                await leecher.transfer.setLimits(up: nil, down: nil)
            }
            try await leecher.complete(within: 20)
        }
    }

    @Test func `a peer that hangs up while the limit holds costs no turns`() async throws {
        let sample = try Sample.single(8 << 20, version: .v1)
        let place = try TemporaryDirectory(inMemory: true)
        let isGone = Mutex(false)
        let peer = try ScriptedPeer { socket, number in
            guard number == 0 else { return }
            try socket.answerHands(sample.info, hashes: sample.info.hashes)
            // More than the limit lets be read in the time of the test: a message of a kind that nobody knows.
            try socket.send(raw: [0, 2, 0, 0, 99] + [UInt8](repeating: 0, count: 100_000))
            // Nothing that the other side has to say is to meet the end.
            _ = try socket.next { if case .message(.extended(.handshake)) = $0 { true } else { nil } }
            socket.reset()
            isGone.withLock { $0 = true }
        }
        try await TestNode.with(1) { nodes in
            let leecher = try await nodes[0].get(sample.torrent, into: place.path, from: [peer.address]) {
                $0.downloadLimit = 4 << 10
            }
            try await wait(for: "the hang-up") { isGone.withLock { $0 } }
            let (before, start) = (await nodes[0].loopSeconds, ContinuousClock.now)
            try await leecher.look(times: 8)
            let (used, seconds) = (await nodes[0].loopSeconds - before, (ContinuousClock.now - start).seconds)
            #expect(used < 0.3 * seconds, "\(used) s of a processor in \(seconds)")
        }
    }

    @Test func `a limit that is set while it runs holds`() async throws {
        let sample = try Sample.single(64 << 20, pieceLength: 1 << 18, version: .v1)
        let place = try TemporaryDirectory(inMemory: true)
        try await TestNode.with(2) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed"))) {
                $0.uploadLimit = 16 << 20
            }
            try await seed.complete()
            let leecher = try await nodes[1].get(
                sample.torrent, into: place.directory("leecher"), from: [nodes[0].address])
            try await wait(for: "the first bytes") { await leecher.transfer.status().downloaded > 0 }
            await nodes[0].node.setLimits(up: 2 << 20, down: nil)
            let before = await leecher.transfer.status().downloaded
            let start = ContinuousClock.now
            // What is in the sockets' buffers comes at once.
            try await wait(for: "6 MiB") { await leecher.transfer.status().downloaded > before + (6 << 20) }
            let seconds = (ContinuousClock.now - start).seconds
            #expect(seconds > 0.75 && seconds < 4.5)
        }
    }
}
