import Dispatch
import Metainfo
import PeerWire
import Synchronization
import TestSupport
import Testing
import Tracking

@testable import Swarm

/// What a host that fetches from outside says to those who stand where it says it does.
@Suite struct SiteTests {
    private final class Heard: Sendable {
        let claims = Mutex<[Int]>([])
        let sites = Mutex<[String?]>([])
        /// The host knows where its neighbour stands.
        let isKnown = DispatchSemaphore(value: 0)
    }

    private let sample: Sample

    init() throws { sample = try .single(600_000) }

    private func neighbour(at site: String, _ heard: Heard) throws -> ScriptedPeer {
        let sample = sample
        return try ScriptedPeer { socket, _ in
            try socket.answerHands(sample.info, hashes: sample.info.hashes)
            let theirs = try socket.next { frame in
                if case .message(.extended(.handshake(let theirs))) = frame { theirs } else { nil }
            }
            heard.sites.withLock { $0.append(theirs.site) }
            var handshake = ExtensionHandshake()
            handshake.ids = .own(isPrivate: false)
            handshake.site = site
            // When the last of these is answered, the first has been heard.
            try socket.send(
                .haveNone, .extended(.handshake(handshake)), .extended(.metadata(.request(piece: 0))))
            _ = try socket.next { frame in if case .message(.extended(.metadata)) = frame { true } else { nil } }
            heard.isKnown.signal()
            while true {
                guard case .message(.extended(.claim(let piece, _))) = try socket.next() else { continue }
                heard.claims.withLock { $0.append(Int(piece)) }
            }
        }
    }

    private func seed(_ heard: Heard) throws -> ScriptedPeer {
        let rules = ScriptedSeed(sample: sample)
        return try ScriptedPeer { socket, _ in
            try socket.answerHands(rules.sample.info, hashes: rules.sample.info.hashes, id: rules.id)
            try socket.send(.haveAll)
            heard.isKnown.wait()
            try socket.send(.unchoke)
            while true {
                guard case .message(.request(let request)) = try socket.next() else { continue }
                try socket.send(block: request, rules.block(request))
            }
        }
    }

    @Test(arguments: [("harbour", true), ("station", false)])
    func `neighbours hear what is fetched from outside`(site: String, hears: Bool) async throws {
        let heard = Heard()
        let peers = [try neighbour(at: site, heard), try seed(heard)]
        let place = try TemporaryDirectory()
        try await TestNode.with(1) { nodes in
            let host = try await nodes[0].get(sample.torrent, into: place.path, from: peers.map(\.address)) {
                $0.site = "harbour"
            }
            try await host.complete(within: 30)
            if hears {
                try await wait(for: "claims of all pieces") { heard.claims.withLock { Set($0) == Set(0..<10) } }
            }
        }
        #expect(heard.claims.withLock(\.count) == (hears ? 10 : 0))
        #expect(heard.sites.withLock { $0 } == ["harbour"])
        for peer in peers { #expect(peer.failures.isEmpty) }
    }
}
