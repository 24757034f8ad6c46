import Hashing
import Metainfo
import PeerWire
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
        let place = try TemporaryDirectory()
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
}
