import Address
import Hashing
import Metainfo
import PeerWire
import Synchronization
import TestSupport
import Testing
import Tracking

@testable import Swarm

/// What a peer sends without end, after its handshakes.
struct Flood: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let words: @Sendable (Info) -> [Message]

    static let all: [Flood] = [
        Flood(testDescription: "interest that comes and goes") { _ in [.interested, .notInterested] },
        Flood(testDescription: "the same piece, announced") { _ in [.have(1)] },
        Flood(testDescription: "keep-alives") { _ in [.keepAlive] },
        Flood(testDescription: "requests for metadata") { _ in [.extended(.metadata(.request(piece: 0)))] },
        Flood(testDescription: "requests for hashes") { info in
            let root = info.layout.files.first?.piecesRoot ?? .zero
            return [
                .hashRequest(HashRequest(piecesRoot: root, baseLayer: 2, index: 0, length: 8, proofLayers: 0))
            ]
        },
    ]
}

@Suite struct FloodingPeers {
    private let sample: Sample
    init() throws { sample = try .single(600_000, version: .v2) }

    /// - Returns: whether the other side closed the connection before the flood was over.
    private static func isCutOff(_ flood: Flood, at address: PeerAddress, _ info: Info) throws -> Bool {
        let socket = try PeerSocket.connect(address, from: "127.0.0.9")
        do {
            try socket.shakeHands(info)
            try socket.send(.extended(.handshake(ownHandshake())))
            // The numbers of the extensions are in its handshake.
            _ = try socket.next { if case .message(.extended(.handshake)) = $0 { true } else { nil } }
            socket.patience = 0.05
            let words = (0..<2_000).flatMap { _ in flood.words(info) }
            for _ in 0..<200 {
                // A full buffer is no end: the flood goes on when there is room again.
                do { try socket.send(words) } catch PeerSocket.Failure.timedOut {}
                do { while true { _ = try socket.next() } } catch PeerSocket.Failure.timedOut {}
            }
        } catch PeerSocket.Failure.closed { return true }
        return false
    }

    @Test(arguments: Flood.all)
    func `whoever floods its host is cut off, and let in no more, while others are served`(flood: Flood) async throws {
        let place = try TemporaryDirectory(inMemory: true)
        try await TestNode.with(2) { [sample] nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed"))) {
                $0.uploadLimit = 400_000
            }
            try await seed.complete()
            let address = try await nodes[0].address
            let leecher = try await nodes[1].get(sample.torrent, into: place.directory("leecher"), from: [address])
            for _ in 0..<4 {
                let isCutOff = try await onThread { try Self.isCutOff(flood, at: address, sample.info) }
                #expect(isCutOff)
            }
            // Four peers of one host were banned: nobody else of that host is let in.
            let isRefused = try await onThread {
                let socket = try PeerSocket.connect(address, from: "127.0.0.9")
                do { try socket.shakeHands(sample.info) } catch PeerSocket.Failure.closed { return true }
                return socket.isClosed()
            }
            #expect(isRefused)
            try await leecher.complete()
            #expect(seed.failure == nil)
        }
        #expect(try sample.isThere(in: place.directory("leecher")))
    }

    /// Sends blocks that nobody asked for, from one address after the other, until told to stop.
    private static func sendUnasked(to address: PeerAddress, _ info: Info, while isWanted: @Sendable () -> Bool) -> Int
    {
        let block = [UInt8](repeating: 7, count: 16_384)
        var (sent, host) = (0, 10)
        while isWanted() {
            host = host % 250 + 1
            do {
                let socket = try PeerSocket.connect(address, from: "127.0.1.\(host)")
                socket.patience = 0.2
                try socket.shakeHands(info)
                while isWanted() {
                    try socket.send(block: BlockRequest(index: 0, begin: 0, length: 16_384), block)
                    sent += block.count
                }
            } catch {}
        }
        return sent
    }

    @Test func `bytes that were not asked for take nothing of a download limit`() async throws {
        let rate = 2 << 20
        let sample = try Sample.single(8 << 20, version: .v1)
        let place = try TemporaryDirectory(inMemory: true)
        try await TestNode.with(2) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let leecher = try await nodes[1].get(
                sample.torrent, into: place.directory("leecher"), from: [nodes[0].address]
            ) { $0.downloadLimit = rate }
            let address = try await nodes[1].address
            let isWanted = Mutex(true)
            async let unasked = onThread {
                Self.sendUnasked(to: address, sample.info) { isWanted.withLock(\.self) }
            }
            try await wait(for: "the first bytes") { await leecher.transfer.status().downloaded > 0 }
            let first = await leecher.transfer.status().downloaded
            let start = ContinuousClock.now
            try await leecher.complete()
            let seconds = (ContinuousClock.now - start).seconds
            isWanted.withLock { $0 = false }
            let share = Double((8 << 20) - first) / seconds / Double(rate)
            #expect(try await unasked > 4 << 20, "too few to tell")
            #expect(abs(share - 1) < 0.1, "\(share) of the limit")
        }
    }
}
