import Metainfo
import PeerWire
@testable import Swarm
import TestSupport
import Testing

/// Peers that keep talking and give nothing: the timeout ends the transfer all the same.
@Suite struct ActivityWithoutProgress {
    private let sample: Sample

    init() throws { sample = try .single(600_000, version: .v1) }

    enum Chatter: String, CaseIterable, Sendable {
        case rejects, emptyPieces, haves, keepAlives
    }

    private func fails(_ transfer: WatchedTransfer) async throws {
        let failure = try await transfer.failed(within: 20)
        #expect(failure.kind == .other)
        #expect(!transfer.isComplete)
    }

    @Test(arguments: Chatter.allCases) func `a magnet whose peers only talk ends in time`(chatter: Chatter) async throws
    {
        let sample = sample
        let size = sample.info.bytes.count
        let peer = try ScriptedPeer { socket, _ in
            try socket.answerHands(nil, hashes: sample.info.hashes)
            try socket.send(.extended(.handshake(ownHandshake { $0.metadataSize = size })))
            socket.patience = 0.1
            var next: UInt32 = 0
            while true {
                do {
                    guard case .message(.extended(.metadata(.request(let piece)))) = try socket.next() else { continue }
                    switch chatter {
                    case .rejects: try socket.send(.extended(.metadata(.reject(piece: piece))))
                    case .emptyPieces:
                        try socket.send(.extended(.metadata(.data(piece: piece, totalSize: size, bytes: []))))
                    case .haves, .keepAlives: break
                    }
                } catch PeerSocket.Failure.timedOut {
                    switch chatter {
                    case .rejects: try socket.send(.extended(.metadata(.reject(piece: 0))))
                    case .emptyPieces:
                        try socket.send(.extended(.metadata(.data(piece: 0, totalSize: size, bytes: []))))
                    case .haves: try socket.send(.have(next % 3))
                    case .keepAlives: try socket.send(.keepAlive)
                    }
                    next += 1
                }
            }
        }
        let place = try TemporaryDirectory()
        try await TestNode.with(1) { nodes in
            let leecher = try await nodes[0].get(sample.torrent.magnet, into: place.path, from: [peer.address]) {
                $0.timeout = .seconds(1)
            }
            try await fails(leecher)
        }
    }

    enum Answer: CaseIterable, Sendable {
        case rejects
        /// Announcements of pieces one after the other.
        case haves
    }

    @Test(arguments: Answer.allCases) func `a torrent whose peers give nothing ends in time`(answer: Answer)
        async throws
    {
        let sample = sample
        let peer = try ScriptedPeer { socket, number in
            try socket.answerHands(sample.info, hashes: sample.info.hashes)
            try socket.send(answer == .haves ? [.haveNone] : [.haveAll, .unchoke])
            socket.patience = 0.1
            var next: UInt32 = 0
            while true {
                do {
                    guard case .message(.request(let request)) = try socket.next() else { continue }
                    switch answer {
                    case .rejects: try socket.send(.reject(request))
                    case .haves: break
                    }
                } catch PeerSocket.Failure.timedOut {
                    guard answer == .haves else { continue }
                    try socket.send(.have(next % UInt32(sample.pieces.count)))
                    next += 1
                }
            }
        }
        let place = try TemporaryDirectory()
        try await TestNode.with(1) { nodes in
            let leecher = try await nodes[0].get(sample.torrent, into: place.path, from: [peer.address]) {
                $0.timeout = .seconds(2)
            }
            try await fails(leecher)
        }
    }

    @Test func `blocks that begin and never go on are no progress`() async throws {
        let sample = sample
        // One begins each second.
        let peers = try (0..<12).map { index in
            try ScriptedPeer { socket, _ in
                try socket.answerHands(sample.info, hashes: sample.info.hashes)
                try socket.send(.haveAll, .unchoke)
                while true {
                    guard case .message(.request(let request)) = try socket.next() else { continue }
                    try socket.hold(for: Double(index))
                    try socket.send(headerOf: request)
                    break
                }
                while true { _ = try socket.next() }
            }
        }
        let place = try TemporaryDirectory()
        try await TestNode.with(1) { nodes in
            let leecher = try await nodes[0].get(sample.torrent, into: place.path, from: peers.map(\.address)) {
                $0.timeout = .seconds(3)
            }
            let failure = try await leecher.failed(within: 9)
            #expect(failure.kind == .other)
        }
    }

    @Test func `a peer that is slow but gives what was asked for is waited for`() async throws {
        let sample = try Sample.single(50_000, pieceLength: 65_536, version: .v1)
        let seed = ScriptedSeed(sample: sample)
        let peer = try ScriptedPeer { socket, _ in
            try socket.answerHands(sample.info, hashes: sample.info.hashes)
            try socket.send(.haveAll, .unchoke)
            while true {
                guard case .message(.request(let request)) = try socket.next() else { continue }
                try socket.send(headerOf: request)
                let block = seed.block(request)
                // Longer than the timeout for a block, and never silent for long.
                for start in stride(from: 0, to: block.count, by: 1 + block.count / 12) {
                    try socket.send(raw: Array(block[start..<min(block.count, start + 1 + block.count / 12)]))
                    try socket.hold(for: 0.1)
                }
            }
        }
        let place = try TemporaryDirectory()
        try await TestNode.with(1) { nodes in
            let leecher = try await nodes[0].get(sample.torrent, into: place.path, from: [peer.address]) {
                $0.timeout = .milliseconds(500)
            }
            try await leecher.complete()
        }
        #expect(sample.isThere(in: place.path))
    }
}
