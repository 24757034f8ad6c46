import Address
import Hashing
import Metainfo
import PeerWire
import Synchronization
import TestSupport
import Testing
import Tracking

@testable import Swarm

/// A way to break the protocol.
struct Offence: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var reserved = ReservedBits.ours
    let commit: @Sendable (PeerSocket) throws -> Void

    static func raw(_ name: String, _ bytes: [UInt8]) -> Offence {
        Offence(testDescription: name) { try $0.send(raw: bytes) }
    }

    static func messages(_ name: String, reserved: ReservedBits = .ours, _ messages: Message...) -> Offence {
        Offence(testDescription: name, reserved: reserved) { try $0.send(messages) }
    }

    static func request(_ name: String, _ index: UInt32, _ begin: UInt32, _ length: UInt32) -> Offence {
        .messages(name, .interested, .request(BlockRequest(index: index, begin: begin, length: length)))
    }

    static let block = BlockRequest(index: 0, begin: 0, length: 16384)
    static let withoutFast = ReservedBits.extensionProtocol

    /// Against content of 10 pieces of 64 KiB, the last of them of 10,176 bytes.
    static let all: [Offence] = [
        .raw("a length prefix of 4 GiB", [255, 255, 255, 255]),
        .raw("a bitfield's length prefix of 1 GiB", [64, 0, 0, 0, 5]),
        .raw("an unknown message of 16 MiB", [1, 0, 0, 0, 99]),
        .raw("a have of three bytes", [0, 0, 0, 3, 4, 0, 0]),
        .messages("a bitfield of a wrong size", .bitfield([0xff])),
        .messages("a bitfield with spare bits", .bitfield([0xff, 0xff])),
        .messages("two bitfields", .bitfield([0x80, 0]), .bitfield([0x80, 0])),
        .messages("a bitfield after a have", .have(1), .bitfield([0x80, 0])),
        .messages("have-all after have-none", .haveNone, .haveAll),
        .messages("a have out of range", .have(10)),
        .messages("a have far out of range", .have(.max)),
        .messages("a dont-have out of range", .extended(.handshake(.init())), .have(.max)),
        .request("a request of a piece out of range", 10, 0, 16384),
        .request("a request past the end of the last piece", 9, 0, 16384),
        .request("a request whose end overflows", 0, .max, .max),
        .request("a request of more than 128 KiB", 0, 0, 131_073),
        .request("a request of nothing", 0, 0, 0),
        Offence(testDescription: "a block never asked for") {
            try $0.send(block: block, .init(repeating: 1, count: 16384))
        },
        Offence(testDescription: "a block longer than its piece") {
            try $0.send(block: BlockRequest(index: 9, begin: 0, length: 0), .init(repeating: 1, count: 16384))
        },
        .messages("a reject of nothing asked", .reject(block)),
        .messages("a flood of rejects", .reject(block), .reject(block), .reject(block), .reject(block)),
        .messages("a suggestion out of range", .suggest(10)),
        .messages("an allowed-fast out of range", .allowedFast(.max)),
        .messages("have-all without the fast extension", reserved: withoutFast, .haveAll),
        .messages("have-none without the fast extension", reserved: withoutFast, .haveNone),
        .messages("a suggestion without the fast extension", reserved: withoutFast, .suggest(1)),
        .messages("a reject without the fast extension", reserved: withoutFast, .reject(block)),
        .messages("allowed-fast without the fast extension", reserved: withoutFast, .allowedFast(1)),
        .raw("peers exchanged by the million", [0, 0x60, 0, 2, 20, 1]),
        .raw("an extension handshake that is no dictionary", [0, 0, 0, 5, 20, 0, 0x69, 0x31, 0x65]),
        .raw("an extension handshake that nests deep", [0, 0, 4, 2, 20, 0] + [UInt8](repeating: 0x6c, count: 1024)),
    ]
}

@Suite struct HostilePeersOfASeed {
    private let sample: Sample

    init() throws { sample = try .single(600_000) }

    /// An engine that serves `sample`; after `body` an honest leecher is served.
    private func withSeed(
        _ sample: Sample? = nil, tuned change: (inout SwarmNode.Configuration) -> Void = { _ in },
        _ body: (PeerAddress, WatchedTransfer) async throws -> Void
    ) async throws {
        let sample = sample ?? self.sample
        let place = try TemporaryDirectory()
        try await TestNode.with(2, change) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let address = try await nodes[0].address
            try await body(address, seed)
            let leecher = try await nodes[1].get(sample.torrent, into: place.directory("leecher"), from: [address])
            try await leecher.complete()
            #expect(try sample.isThere(in: place.directory("leecher")))
            #expect(seed.failure == nil)
        }
    }

    @Test(arguments: Offence.all) func `an offence ends the connection and nothing else`(offence: Offence) async throws
    {
        try await withSeed { [info = sample.info] address, _ in
            let isClosed = try await onThread {
                let socket = try PeerSocket.connect(address)
                try socket.shakeHands(info, reserved: offence.reserved)
                do { try offence.commit(socket) } catch PeerSocket.Failure.closed { return true }
                return socket.isClosed()
            }
            #expect(isClosed)
        }
    }

    @Test func `a handshake for another torrent or protocol is refused`() async throws {
        try await withSeed { [info = sample.info] address, seed in
            let unknown = try await onThread {
                let socket = try PeerSocket.connect(address)
                try socket.sendHandshake(info.hashes, hash: SHA1Digest.zero)
                do { try socket.receiveHandshake(info) } catch { return error as? PeerSocket.Failure == .closed }
                return false
            }
            #expect(unknown)
            let web = try await onThread {
                let socket = try PeerSocket.connect(address)
                try socket.send(raw: Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
                do { try socket.receiveHandshake(info) } catch { return error as? PeerSocket.Failure == .closed }
                return false
            }
            #expect(web)
        }
    }

    @Test func `requests while choked are rejected or passed over`() async throws {
        try await withSeed { [info = sample.info] address, _ in
            try await onThread {
                let socket = try PeerSocket.connect(address)
                try socket.shakeHands(info)
                try socket.send(.request(Offence.block))
                let first = try socket.next { frame -> PeerSocket.Frame? in
                    switch frame {
                    case .message(.reject), .block: frame
                    default: nil
                    }
                }
                #expect(first == .message(.reject(Offence.block)))
            }
            try await onThread {
                let socket = try PeerSocket.connect(address)
                try socket.shakeHands(info, reserved: Offence.withoutFast)
                try socket.send(.request(Offence.block), .interested)
                _ = try socket.next { $0 == .message(.unchoke) ? true : nil }
                try socket.send(.request(BlockRequest(index: 1, begin: 0, length: 16384)))
                let block: UInt32 = try socket.next { if case .block(let header, _) = $0 { header.index } else { nil } }
                #expect(block == 1, "what was asked while choked is not sent later")
            }
        }
    }

    @Test func `every one of thousands of requests is answered once by data or reject`() async throws {
        try await withSeed { [info = sample.info] address, _ in
            try await onThread {
                let socket = try PeerSocket.connect(address)
                try socket.shakeHands(info)
                try socket.send(.interested)
                _ = try socket.next { $0 == .message(.unchoke) ? true : nil }
                try socket.send((0..<4000).map { .request(BlockRequest(index: UInt32($0 % 9), begin: 0, length: 512)) })
                var (blocks, rejects) = (0, 0)
                while blocks + rejects < 4000 {
                    switch try socket.next() {
                    case .block: blocks += 1
                    case .message(.reject): rejects += 1
                    default: break
                    }
                }
                #expect(blocks >= 512)
            }
        }
    }

    @Test func `rejects that nobody reads gather up to a bound, and then nothing more is read`() async throws {
        try await withSeed { [info = sample.info] address, seed in
            try await onThread {
                let socket = try PeerSocket.connect(address)
                try socket.shakeHands(info)
                socket.patience = 2
                let flood = [Message](repeating: .request(Offence.block), count: 20_000)
                var isStopped = false
                for _ in 0..<200 where !isStopped {
                    do { try socket.send(flood) } catch PeerSocket.Failure.closed {
                        isStopped = true
                    } catch PeerSocket.Failure.timedOut {
                        isStopped = true
                    }
                }
                #expect(isStopped)
            }
        }
    }

    @Test func `padding is served as zeros to those who do not know it`() async throws {
        let sample = try Sample.directory([("a", 20_000), ("b", 40_000)], version: .hybrid)
        try await withSeed(sample) { address, _ in
            try await onThread {
                let socket = try PeerSocket.connect(address)
                try socket.shakeHands(sample.info)
                try socket.send(.interested)
                _ = try socket.next { $0 == .message(.unchoke) ? true : nil }
                try socket.send(.request(BlockRequest(index: 0, begin: 20_480, length: 4096)))
                let bytes: [UInt8] = try socket.next { if case .block(_, let bytes) = $0 { bytes } else { nil } }
                #expect(bytes == [UInt8](repeating: 0, count: 4096))
            }
        }
    }

    @Test func `a second connection with the same peer ID is closed and the first goes on`() async throws {
        try await withSeed { [info = sample.info] address, _ in
            try await onThread {
                let id = PeerID.random()
                let first = try PeerSocket.connect(address)
                try first.shakeHands(info, id: id)
                let second = try PeerSocket.connect(address)
                try second.shakeHands(info, id: id)
                #expect(second.isClosed())
                try first.send(.interested)
                _ = try first.next { $0 == .message(.unchoke) ? true : nil }
            }
        }
    }

    @Test func `a stranger cannot push out a peer by its ID`() async throws {
        try await withSeed { [info = sample.info] address, _ in
            try await onThread {
                // Whichever of the two ids is larger.
                for text in ["-AA0000-aaaaaaaaaaaa", "-zz0000-zzzzzzzzzzzz"] {
                    let id = try #require(PeerID(bytes: Array(text.utf8)))
                    let first = try PeerSocket.connect(address)
                    try first.shakeHands(info, id: id)
                    try first.send(.interested)
                    _ = try first.next { $0 == .message(.unchoke) ? true : nil }
                    let stranger = try PeerSocket.connect(address, from: "127.0.0.9")
                    try stranger.shakeHands(info, id: id)
                    try stranger.send(.interested)
                    _ = try stranger.next { $0 == .message(.unchoke) ? true : nil }
                    try first.send(.request(Offence.block))
                    _ = try first.next { if case .block = $0 { true } else { nil } }
                }
            }
        }
    }

    @Test func `a stranger who holds a peer's id does not shut the peer out`() async throws {
        let place = try TemporaryDirectory()
        try await TestNode.with(2) { [sample] nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let (address, id) = (try await nodes[0].address, nodes[1].node.peerID)
            let stranger = try await onThread {
                let socket = try PeerSocket.connect(address, from: "127.0.0.9")
                try socket.shakeHands(sample.info, id: id)
                return Handed(socket)
            }
            let leecher = try await nodes[1].get(sample.torrent, into: place.directory("leecher"), from: [address])
            try await leecher.complete(within: 20)
            _ = stranger
        }
    }

    @Test func `many half open handshakes hinder nobody and are closed`() async throws {
        try await withSeed(tuned: { $0.connection.handshake = 2 }) { [info = sample.info] address, _ in
            try await onThread {
                let silent = try (0..<100).map { _ in try PeerSocket.connect(address) }
                for socket in silent.prefix(50) { try socket.send(raw: [19, 0x42, 0x69]) }
                let honest = try PeerSocket.connect(address)
                try honest.shakeHands(info)
                try honest.send(.interested)
                _ = try honest.next { $0 == .message(.unchoke) ? true : nil }
                try honest.send(.request(Offence.block))
                _ = try honest.next { if case .block = $0 { true } else { nil } }
                for socket in silent {
                    socket.patience = 10
                    let failure = #expect(throws: PeerSocket.Failure.self) { try socket.receiveHandshake(nil) }
                    #expect(failure == .closed)
                }
            }
        }
    }

    @Test func `hash requests that have no answer are rejected`() async throws {
        let sample = try Sample.single(600_000, pieceLength: 16384, version: .v2)
        let root = try #require(sample.layout.files.first?.piecesRoot)
        try await withSeed(sample) { address, _ in
            try await onThread {
                let socket = try PeerSocket.connect(address)
                try socket.shakeHands(sample.info, reserved: [.ours, .v2])
                func answer(_ request: HashRequest) throws -> [SHA256Digest]? {
                    try socket.send(.hashRequest(request))
                    return try socket.next { frame -> [SHA256Digest]?? in
                        switch frame {
                        case .message(.hashes(request, let digests)): .some(digests)
                        case .message(.hashReject(request)): .some(nil)
                        default: nil
                        }
                    }
                }
                func request(_ root: SHA256Digest, _ layer: UInt32, _ index: UInt32, _ length: UInt32, _ proof: UInt32)
                    -> HashRequest
                {
                    HashRequest(piecesRoot: root, baseLayer: layer, index: index, length: length, proofLayers: proof)
                }
                // 37 pieces: a tree of 64 nodes.
                #expect(try answer(request(root, 0, 0, 8, 5))?.count == 8 + 3)
                #expect(try answer(request(.zero, 0, 0, 8, 5)) == nil, "an unknown file")
                #expect(try answer(request(root, 0, 4, 8, 5)) == nil, "not at a multiple of its length")
                #expect(try answer(request(root, 0, 64, 8, 5)) == nil, "past the end")
                #expect(try answer(request(root, .max, 0, 8, 5)) == nil)
                #expect(try answer(request(root, 0, .max, 2, 5)) == nil)
                #expect(try answer(request(root, 0, 0, .max, 5)) == nil)
                #expect(try answer(request(root, 0, 0, 8, .max)) == nil)
                #expect(try answer(request(root, 0, 0, 0, 0)) == nil)
            }
        }
    }

    @Test func `a peer that changes its mind about everything costs little`() async throws {
        // Each pair of messages makes a seed of it and unmakes it.
        let sample = try Sample.single(64 << 20, pieceLength: 16384, version: .v1)
        try await withSeed(sample) { address, _ in
            let info = sample.info
            let seconds = try await onThread {
                let socket = try PeerSocket.connect(address)
                try socket.shakeHands(info)
                var bits = [UInt8](repeating: 0xff, count: 512)
                bits[0] = 0x7f
                try socket.send(.extended(.handshake(ownHandshake())), .bitfield(bits))
                _ = try socket.next { if case .message(.extended(.handshake)) = $0 { true } else { nil } }
                let start = ContinuousClock.now
                for _ in 0..<4 {
                    // Asked again and again; a seed closes a connection to another seed, so it is never quite one.
                    var bytes: [UInt8] = []
                    for _ in 0..<2000 {
                        Message.extended(.dontHave(1)).encode(into: &bytes, ids: ownHandshake().ids)
                        Message.have(1).encode(into: &bytes)
                    }
                    try socket.send(raw: bytes)
                }
                try socket.send(.request(Offence.block))
                _ = try socket.next { if case .message(.reject) = $0 { true } else { nil } }
                return Double((ContinuousClock.now - start).components.seconds)
            }
            #expect(seconds < 20)
        }
    }
}

/// What a scripted peer says of itself by default.
func ownHandshake(_ change: (inout ExtensionHandshake) -> Void = { _ in }) -> ExtensionHandshake {
    var handshake = ExtensionHandshake()
    handshake.ids = .own(isPrivate: false)
    change(&handshake)
    return handshake
}
