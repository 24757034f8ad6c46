import Address
import Glibc
import PeerWire
import Synchronization
import TestSupport
import Testing
import Tracking

@testable import Swarm

/// Further connections between two nodes, which a test makes them open although the line is short.
@Suite struct FurtherConnections {
    private let sample: Sample

    init() throws { sample = try .single(12_000_000, pieceLength: 262_144) }

    private static func lines(_ least: Int, of most: Int = 8) -> (inout SwarmNode.Configuration) -> Void {
        { configuration in
            configuration.connectionLimits.least = least
            configuration.connectionLimits.most = most
        }
    }

    /// Bytes that a connection carries before it waits for the others: the first so many that much more is asked for
    /// than its queues hold, which are short as the seed has a limit.
    private static func portion(_ number: Int) -> Int { number == 0 ? 1_500_000 : 200_000 }

    private static func isShared(_ carried: [Int]) -> Bool {
        carried.count >= 4 && (0..<4).allSatisfy { carried[$0] >= portion($0) }
    }

    @Test func `several connections are one peer and share the blocks`() async throws {
        let place = try TemporaryDirectory()
        try await TestNode.with(2, Self.lines(4)) { [sample] nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed"))) {
                $0.uploadLimit = 4_000_000
            }
            try await seed.complete()
            let gate = Gate()
            let held = try Relay(to: await nodes[0].address) { number, carried in
                gate.isOpen || carried[number] < Self.portion(number) ? .pass : .hold
            }
            let start = ContinuousClock.now
            let leecher = try await nodes[1].get(sample.torrent, into: place.directory("leecher"), from: [held.address])
            try await wait(for: "blocks over all connections") { Self.isShared(held.carried) }
            #expect(await seed.peers == 1)
            #expect(await leecher.peers == 1)
            #expect(held.connections == 4)
            gate.open()
            try await leecher.complete()
            // What was overtaken six seconds ago counts as lost, and is asked for again: a machine that is busy with other
            // things makes that happen.
            let isQuick = ContinuousClock.now - start < .seconds(6)
            #expect(try sample.isThere(in: place.directory("leecher")))
            if isQuick { #expect(await leecher.transfer.status().wasted == 0) }
        }
    }

    /// What was on its way over a lost connection is missed only after a while: the time is spent waiting, so that each is
    /// lost at once, in transfers of their own.
    @Test func `the loss of any one is survived`() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lost in 0..<4 { group.addTask { try await survivesTheLoss(of: lost) } }
            try await group.waitForAll()
        }
    }

    private func survivesTheLoss(of lost: Int) async throws {
        let place = try TemporaryDirectory()
        try await TestNode.with(2, Self.lines(4)) { [sample] nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed"))) {
                $0.uploadLimit = 4_000_000
            }
            try await seed.complete()
            // Each carries something before one breaks in the middle of a block.
            let relay = try Relay(to: await nodes[0].address) { number, carried in
                guard carried[number] >= Self.portion(number) else { return .pass }
                guard Self.isShared(carried) else { return .hold }
                return number == lost ? .cut : .pass
            }
            let leecher = try await nodes[1].get(
                sample.torrent, into: place.directory("leecher"), from: [relay.address])
            try await leecher.complete()
            #expect(try sample.isThere(in: place.directory("leecher")))
            #expect(relay.connections >= 4, "when \(lost) is lost")
            #expect(await leecher.peers <= 1, "when \(lost) is lost")
        }
    }

    @Test func `a peer that does not announce them gets one`() async throws {
        let place = try TemporaryDirectory()
        try await TestNode.with(1, Self.lines(4)) { [sample] nodes in
            let foreign = try ScriptedSeed(sample: sample).listen()
            let leecher = try await nodes[0].get(
                sample.torrent, into: place.directory("leecher"), from: [foreign.address])
            try await leecher.complete()
            #expect(foreign.connections == 1)
        }
    }

    @Test func `no more are opened than the peer takes and they carry its id`() async throws {
        let place = try TemporaryDirectory()
        try await TestNode.with(1, Self.lines(6)) { [sample] nodes in
            let own = PeerID.random()
            let given = PeerID.random()
            let arrived = Arrivals()
            let foreign = try ScriptedPeer { socket, number in
                try socket.answerHands(sample.info, hashes: sample.info.hashes, id: own)
                arrived.append(socket.handshake?.peerID)
                guard number == 0 else {
                    // It is for blocks, and nothing else is said on it.
                    throw PeerSocket.Failure.protocolViolation("said on a further connection: \(try socket.next())")
                }
                var extended = ExtensionHandshake()
                extended.furtherConnections = FurtherConnectionOffer(id: given, most: 3)
                try socket.send(.extended(.handshake(extended)), .haveAll)
                while true { _ = try socket.next() }
            }
            let leecher = try await nodes[0].get(
                sample.torrent, into: place.directory("leecher"), from: [foreign.address])
            try await wait(for: "two further connections") { arrived.count == 3 }
            // Looks later there are no more.
            try await leecher.look()
            #expect(arrived.ids.dropFirst() == [given, given])
            #expect(await leecher.peers == 1)
            #expect(foreign.failures == [])
        }
    }
}

/// What those do who want more than one peer's part.
@Suite struct HostileFurtherConnections {
    private let sample: Sample

    init() throws { sample = try .single(600_000) }

    /// A seed that takes four connections of a peer, and the id that it gives to the first of them.
    private func withSeed(
        _ body: @escaping @Sendable (PeerAddress, WatchedTransfer, PeerSocket, PeerID) throws -> Void
    ) async throws {
        let place = try TemporaryDirectory()
        try await TestNode.with(1, { $0.connectionLimits.most = 4 }) { [sample] nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let address = try await nodes[0].address
            try await onThread {
                let first = try PeerSocket.connect(address)
                try first.shakeHands(sample.info)
                let lines = try first.next { frame -> FurtherConnectionOffer? in
                    if case .message(.extended(.handshake(let said))) = frame { said.furtherConnections } else { nil }
                }
                #expect(lines.most == 4)
                try body(address, seed, first, lines.id)
            }
            #expect(seed.failure == nil)
        }
    }

    @Test func `no more than was said are taken`() async throws {
        try await withSeed { [info = sample.info] address, _, first, id in
            var open: [PeerSocket] = []
            for _ in 0..<3 {
                let further = try PeerSocket.connect(address)
                try further.shakeHands(info, id: id)
                open.append(further)
            }
            for _ in 0..<3 {
                let surplus = try PeerSocket.connect(address)
                try surplus.shakeHands(info, id: id)
                #expect(surplus.isClosed())
            }
            // All four are one peer still, which is served once what it asks for once.
            try first.send(.interested)
            _ = try first.next { $0 == .message(.unchoke) ? true : nil }
            let request = BlockRequest(index: 0, begin: 0, length: 16_384)
            try first.send(.request(request))
            let block: UInt32 = try first.next { if case .block(let header, _) = $0 { header.length } else { nil } }
            #expect(block == 16_384)
            withExtendedLifetime(open) {}
        }
    }

    @Test func `a further connection says nothing`() async throws {
        for message in [
            Message.interested, .haveAll, .request(BlockRequest(index: 0, begin: 0, length: 16_384)), .unchoke,
        ] {
            try await withSeed { [info = sample.info] address, _, first, id in
                let further = try PeerSocket.connect(address)
                try further.shakeHands(info, id: id)
                try further.send(message)
                #expect(further.isClosed())
                #expect(first.isClosed(), "the peer is gone with it")
            }
        }
    }

    @Test func `when the first goes all go`() async throws {
        try await withSeed { [info = sample.info] address, _, first, id in
            let further = try PeerSocket.connect(address)
            try further.shakeHands(info, id: id)
            first.reset()
            #expect(further.isClosed())
        }
    }

    @Test func `a last word is answered by one`() async throws {
        try await withSeed { [info = sample.info] address, _, first, id in
            let further = try PeerSocket.connect(address)
            try further.shakeHands(info, id: id)
            try further.send(.choke)
            #expect(try further.next() == .message(.choke))
            #expect(further.isClosed())
            try first.send(.keepAlive)
            first.patience = 0.5
            #expect(!first.isClosed())
        }
    }
}

/// Something that a test opens once.
private final class Gate: Sendable {
    private let state = Mutex(false)

    var isOpen: Bool { state.withLock { $0 } }
    func open() { state.withLock { $0 = true } }
}

/// The ids that connections came with.
private final class Arrivals: Sendable {
    private let state = Mutex<[PeerID?]>([])

    var ids: [PeerID?] { state.withLock { $0 } }
    var count: Int { ids.count }
    func append(_ id: PeerID?) { state.withLock { $0.append(id) } }
}
