import Hashing
import Metainfo
import PeerWire
import SwarmCore
import Testing
import Text

@Suite struct LayerFetchTests {
    private let files: [Int]
    private let layout: ContentLayout
    private let trees: [SHA256Digest: MerkleLayers]
    private let layers: [Int: [UInt8]]

    /// Three files of 3, 1,300 and 2 pieces.
    init() throws {
        var random = SeededGenerator(seed: 1)
        var v2: [Int: TorrentBuilder.V2Hashes] = [:]
        var trees: [SHA256Digest: MerkleLayers] = [:]
        var layers: [Int: [UInt8]] = [:]
        let counts = [3, 1300, 2]
        for (file, count) in counts.enumerated() {
            let nodes = (0..<count).map { _ in SHA256.digest(withUnsafeBytes(of: random.next()) { Array($0) }) }
            let tree = MerkleLayers(nodes: nodes, baseLayer: 1, width: count)
            trees[tree.root] = tree
            layers[file] = nodes.flatMap(\.bytes)
            v2[file] = .init(root: tree.root, pieceLayer: nodes.flatMap(\.bytes))
        }
        let entries = try counts.enumerated().map {
            TorrentBuilder.File(path: try SafePath("file\($0)"), length: Int64($1 * 32768))
        }
        let builder = try TorrentBuilder(
            name: try PathComponent("content"), files: entries, pieceLength: 32768, version: .v2)
        layout = try builder.build(v2: v2).info.layout
        files = [0, 1, 2]
        self.trees = trees
        self.layers = layers
    }

    private func answer(_ request: HashRequest) -> [SHA256Digest] {
        let range = HashRange(
            baseLayer: Int(request.baseLayer), index: Int(request.index), length: Int(request.length),
            proofLayers: Int(request.proofLayers))
        return trees[request.piecesRoot]?.hashes(range) ?? []
    }

    private func expectRight(_ fetch: LayerFetch<String>) {
        #expect(fetch.isComplete)
        #expect(Dictionary(uniqueKeysWithValues: fetch.wholeLayers.map { ($0.file, $0.bytes) }) == layers)
    }

    @Test func `one honest peer gives all layers`() {
        var fetch = LayerFetch<String>(files: files, layout: layout)
        #expect(fetch.wholeLayers.isEmpty)
        var now = 0.0
        while !fetch.isComplete, now < 60 {
            for (peer, request) in fetch.next(peers: ["a"], now: now) {
                #expect(request.isWellFormed())
                let verdict = fetch.received(request, answer(request), from: peer)
                #expect(verdict == .accepted)
            }
            now += 0.2
        }
        expectRight(fetch)
    }

    @Test func `a wrong answer is seen at once and asked of another`() {
        var fetch = LayerFetch<String>(files: files, layout: layout)
        var now = 0.0
        var peers = ["liar", "honest"]
        while !fetch.isComplete, now < 60 {
            for (peer, request) in fetch.next(peers: peers, now: now) where peers.contains(peer) {
                var digests = answer(request)
                if peer == "liar" { digests[digests.count - 1] = .zero }
                let verdict = fetch.received(request, digests, from: peer)
                #expect(verdict == (peer == "liar" ? .wrong : .accepted))
                if verdict == .wrong {
                    fetch.removePeer(peer)
                    peers = ["honest"]
                }
            }
            now += 0.2
        }
        expectRight(fetch)
    }

    @Test(arguments: [true, false]) func `who does not answer is replaced`(rejects: Bool) {
        var fetch = LayerFetch<String>(files: files, layout: layout)
        var now = 0.0
        while !fetch.isComplete, now < 60 {
            for (peer, request) in fetch.next(peers: ["silent", "honest"], now: now) {
                if peer == "honest" {
                    let verdict = fetch.received(request, answer(request), from: peer)
                    #expect(verdict == .accepted)
                } else if rejects {
                    fetch.rejected(request, by: peer, now: now)
                }
            }
            now += 0.2
        }
        expectRight(fetch)
        #expect(now < 30)
    }

    @Test func `what was not asked is passed over`() throws {
        var fetch = LayerFetch<String>(files: files, layout: layout)
        let asked = fetch.next(peers: ["a"], now: 0)
        let request = try #require(asked.first?.request)
        #expect(fetch.received(request, answer(request), from: "b") == .unexpected)
        var other = request
        other.proofLayers += 1
        #expect(fetch.received(other, answer(request), from: "a") == .unexpected)
        #expect(fetch.received(request, answer(request), from: "a") == .accepted)
        #expect(fetch.received(request, answer(request), from: "a") == .unexpected)
        fetch.rejected(request, by: "a", now: 1)
    }

    @Test func `files that do not exist ask for nothing`() {
        var fetch = LayerFetch<String>(files: [99, -1], layout: layout)
        #expect(fetch.isComplete)
        #expect(fetch.next(peers: ["a"], now: 0).isEmpty)
    }
}
