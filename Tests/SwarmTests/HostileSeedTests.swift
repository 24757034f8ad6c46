import Address
import Hashing
import Metainfo
import PeerWire
import Synchronization
import TestSupport
import Testing
import Tracking

@testable import Swarm

/// What those do to a leecher from whom it fetches.
@Suite struct HostilePeersOfALeecher {
    private let sample: Sample

    init() throws { sample = try .single(600_000) }

    /// An engine that fetches from `peers`.
    private func fetch(
        _ sample: Sample? = nil, from peers: [ScriptedPeer], within seconds: Double = 30,
        tuned change: (inout SwarmNode.Configuration) -> Void = { _ in },
        then check: (WatchedTransfer) async throws -> Void = { _ in }
    ) async throws {
        let sample = sample ?? self.sample
        let place = try TemporaryDirectory()
        try await TestNode.with(1, change) { nodes in
            let leecher = try await nodes[0].get(sample.torrent, into: place.path, from: peers.map(\.address))
            try await leecher.complete(within: seconds)
            #expect(sample.isThere(in: place.path))
            try await check(leecher)
        }
        for peer in peers { #expect(peer.failures.isEmpty) }
    }

    @Test(arguments: [ReservedBits.ours, .extensionProtocol, []])
    func `whatever a peer speaks its pieces are fetched`(reserved: ReservedBits) async throws {
        var seed = ScriptedSeed(sample: sample)
        seed.reserved = reserved
        if !reserved.contains(.fast) { seed.greeting = [.bitfield([0xff, 0xc0]), .unchoke] }
        try await fetch(from: [seed.listen()], then: { #expect(await $0.transfer.status().wasted == 0) })
    }

    @Test(arguments: [0, -1, 1, 1 << 31, Int.max]) func `any request queue is lived with`(depth: Int) async throws {
        var seed = ScriptedSeed(sample: sample)
        seed.extended = ownHandshake { $0.requestDepth = depth }
        try await fetch(from: [seed.listen()])
    }

    @Test(arguments: [true, false]) func `a poisoner is found and its honest co sender stays`(fast: Bool) async throws {
        let sample = try Sample.single(4 << 20, pieceLength: 1 << 20)
        var liar = ScriptedSeed(sample: sample)
        liar.reserved = fast ? .ours : .extensionProtocol
        liar.greeting = fast ? [.haveAll, .unchoke] : [.bitfield([0xf0]), .unchoke]
        var honest = liar
        honest.id = .random()
        liar.answer = { _, count in count % 3 == 0 ? .poisoned : .right }
        let (liars, honests) = (try liar.listen(), try honest.listen())
        // One piece at a time, so that each has several senders.
        let few: (inout SwarmNode.Configuration) -> Void = { $0.swarm.openBytes = 1 << 20 }
        try await fetch(
            sample, from: [liars, honests], tuned: few,
            then: { leecher in
                #expect(liars.connections == 1, "banned, and not asked again")
                #expect(honests.connections == 1, "neither banned nor lost")
            })
    }

    @Test func `a banned peer is not let in again`() async throws {
        let sample = try Sample.single(1 << 20, pieceLength: 1 << 18)
        let place = try TemporaryDirectory()
        let id = PeerID.random()
        var liar = ScriptedSeed(sample: sample)
        liar.id = id
        liar.answer = { _, _ in .poisoned }
        let liars = try liar.listen()
        try await TestNode.with(1) { nodes in
            let leecher = try await nodes[0].get(sample.torrent, into: place.path, from: [liars.address])
            try await wait(for: "a ban") {
                if liars.connections == 1 { await leecher.transfer.status().wasted > 0 } else { false }
            }
            try await wait(for: "the end of the connection") { await leecher.peers == 0 }
            // It comes by itself, and says not where it listens: only its id and host tell who it is.
            let address = try await nodes[0].address
            func isLetIn(_ id: PeerID) async throws -> Bool {
                try await onThread {
                    let socket = try PeerSocket.connect(address)
                    try socket.shakeHands(sample.info, id: id)
                    // What it is told before it is closed is nothing.
                    do { _ = try socket.next() } catch PeerSocket.Failure.closed { return false }
                    return true
                }
            }
            #expect(try await !isLetIn(id))
            #expect(try await isLetIn(.random()), "another peer at the same host")
        }
    }

    @Test func `a liar under another's peer ID gets only itself banned`() async throws {
        let sample = try Sample.single(1 << 20, pieceLength: 1 << 18)
        let place = try TemporaryDirectory()
        var honest = ScriptedSeed(sample: sample)
        var liar = honest
        liar.answer = { _, _ in .poisoned }
        liar.id = honest.id
        honest.greeting = [.haveAll, .unchoke]
        let (liars, honests) = (try liar.listen(host: "127.0.0.8"), try honest.listen())
        try await TestNode.with(1) { nodes in
            let first = try await nodes[0].get(sample.torrent, into: place.path, from: [liars.address])
            try await wait(for: "a bad piece") { await first.transfer.status().wasted > 0 }
            try await wait(for: "the end of the connection") { await first.peers == 0 }
            let address = try await nodes[0].address
            _ = honests
            // The honest one comes by itself.
            let serving = Task { [honest] in
                try await onThread {
                    let socket = try PeerSocket.connect(address)
                    try socket.shakeHands(sample.info, id: honest.id)
                    try honest.serve(socket)
                }
            }
            try await first.complete()
            serving.cancel()
        }
        #expect(sample.isThere(in: place.path))
    }

    @Test(arguments: ["-AA0000-aaaaaaaaaaaa", "-zz0000-zzzzzzzzzzzz"])
    func `a stranger cannot push out the seed by its ID`(text: String) async throws {
        let sample = try Sample.single(2 << 20)
        let place = try TemporaryDirectory()
        var seed = ScriptedSeed(sample: sample)
        seed.id = try #require(PeerID(bytes: Array(text.utf8)))
        let (id, seeds) = (seed.id, try seed.listen())
        try await TestNode.with(1) { nodes in
            let leecher = try await nodes[0].get(sample.torrent, into: place.path, from: [seeds.address]) {
                $0.downloadLimit = 1 << 20
            }
            try await wait(for: "the first bytes") { await leecher.transfer.status().downloaded > 0 }
            let address = try await nodes[0].address
            let stranger = try await onThread {
                let stranger = try PeerSocket.connect(address, from: "127.0.0.9")
                try stranger.shakeHands(sample.info, id: id)
                return Handed(stranger)
            }
            try await leecher.complete()
            #expect(seeds.connections == 1)
            _ = stranger
        }
    }

    @Test(arguments: [true, false]) func `a peer that never answers holds nothing up`(fast: Bool) async throws {
        var silent = ScriptedSeed(sample: sample)
        silent.reserved = fast ? .ours : .extensionProtocol
        silent.greeting = fast ? [.haveAll, .unchoke] : [.bitfield([0xff, 0xc0]), .unchoke]
        var honest = silent
        honest.id = .random()
        silent.answer = { _, _ in .nothing }
        try await fetch(from: [silent.listen(), honest.listen()])
    }

    @Test func `a byte now and then is no progress`() async throws {
        let sample = sample
        let isDropped = Mutex(false)
        let slow = try ScriptedPeer { socket, number in
            guard number == 0 else { return }
            try socket.answerHands(sample.info, hashes: sample.info.hashes)
            try socket.send(.haveAll, .unchoke)
            let request: BlockRequest = try socket.next {
                if case .message(.request(let request)) = $0 { request } else { nil }
            }
            // The header of the block, then its bytes one at a time.
            try socket.send(headerOf: request)
            socket.patience = 0.1
            while true {
                do { _ = try socket.next() } catch PeerSocket.Failure.timedOut {
                    try socket.send(raw: [1])
                } catch {
                    isDropped.withLock { $0 = true }
                    throw error
                }
            }
        }
        let place = try TemporaryDirectory()
        let impatient: (inout SwarmNode.Configuration) -> Void = {
            $0.swarm.snubAfter = 0.5
            $0.swarm.dropAfter = 2
        }
        try await TestNode.with(1, impatient) { nodes in
            let leecher = try await nodes[0].get(sample.torrent, into: place.path, from: [slow.address])
            try await wait(for: "the slow peer to be dropped") { isDropped.withLock { $0 } }
            let seed = try ScriptedSeed(sample: sample).listen()
            let second = try await nodes[0].get(
                sample.torrent, into: place.directory("other"), from: [seed.address])
            try await second.complete()
            _ = leecher
        }
    }

    @Test func `a peer that closes after each block is asked again`() async throws {
        let sample = try Sample.single(50_000)
        var fickle = ScriptedSeed(sample: sample)
        fickle.greeting = [.haveAll, .unchoke]
        fickle.answer = { _, _ in .lastRight }
        try await fetch(sample, from: [fickle.listen()], within: 60)
    }

    @Test func `a peer that closes after each block beside an honest one costs no time`() async throws {
        var fickle = ScriptedSeed(sample: sample)
        fickle.answer = { _, _ in .lastRight }
        var honest = ScriptedSeed(sample: sample)
        honest.id = .random()
        try await fetch(from: [fickle.listen(), honest.listen()], within: 20)
    }

    @Test(arguments: [true, false]) func `choking and unchoking all the time is lived with`(fast: Bool) async throws {
        var fickle = ScriptedSeed(sample: sample)
        fickle.reserved = fast ? .ours : .extensionProtocol
        fickle.greeting = fast ? [.haveAll, .unchoke] : [.bitfield([0xff, 0xc0]), .unchoke]
        fickle.answer = { _, count in count % 2 == 1 ? .rightThen([.choke, .unchoke]) : .right }
        try await fetch(from: [fickle.listen()], within: 40)
    }

    @Test func `a peer that rejects everything costs nothing but itself`() async throws {
        var refuser = ScriptedSeed(sample: sample)
        refuser.answer = { _, _ in .reject }
        let honest = ScriptedSeed(sample: sample)
        let count = Mutex(0)
        let answer = refuser.answer
        refuser.answer = { request, number in
            count.withLock { $0 += 1 }
            return answer(request, number)
        }
        try await fetch(from: [refuser.listen(), honest.listen()])
        #expect(count.withLock { $0 } < 10_000)
    }

    @Test func `connecting to oneself ends at once`() async throws {
        let other = try Sample.single(20_000, name: "other", seed: 2)
        let sample = sample
        let place = try TemporaryDirectory()
        try await TestNode.with(1) { nodes in
            _ = try await nodes[0].seed(other, from: other.write(into: place.directory("seed")))
            try await wait(for: "an address") { await nodes[0].node.listenAddress != nil }
            let seed = try ScriptedSeed(sample: sample).listen()
            let leecher = try await nodes[0].get(
                sample.torrent, into: place.directory("leecher"), from: [nodes[0].address, seed.address])
            try await leecher.complete()
            #expect(await leecher.peers <= 1)
        }
    }

    @Test func `hundreds of exchanged peers do not hinder the transfer`() async throws {
        var seed = ScriptedSeed(sample: sample)
        let peers = (0..<600).compactMap { (number: Int) -> PeerExchange.Peer? in
            let address: [UInt8] = [127, 1, UInt8(number / 250), UInt8(number % 250 + 1)]
            return PeerAddress(addressBytes: address, port: 1).map { PeerExchange.Peer(endpoint: $0) }
        }
        seed.extended = ownHandshake()
        let flood = peers
        seed.answer = { _, count in
            count == 0 ? .rightThen([.extended(.peerExchange(PeerExchange(added: flood)))]) : .right
        }
        try await fetch(from: [seed.listen()])
    }
}

extension ScriptedSeed {
    /// Serves over a connection whose handshakes are done.
    func serve(_ socket: PeerSocket) throws {
        try socket.send(greeting)
        while true {
            if case .message(.request(let request)) = try socket.next() {
                try socket.send(block: request, block(request))
            }
        }
    }
}
