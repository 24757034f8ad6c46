import Hashing
import Metainfo
import PeerWire
import SwarmCore
import Testing
import Text

/// Files of random hashes, and a peer that knows them.
private struct LayerSample {
    let layout: ContentLayout
    let layers: [Int: [UInt8]]
    private let trees: [SHA256Digest: MerkleLayers]

    init(pieces counts: [Int], seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var trees: [SHA256Digest: MerkleLayers] = [:]
        var layers: [Int: [UInt8]] = [:]
        var files: [FileEntry] = []
        for (file, count) in counts.enumerated() {
            let nodes = (0..<count).map { _ in SHA256.digest(withUnsafeBytes(of: random.next()) { Array($0) }) }
            let tree = MerkleLayers(nodes: nodes, baseLayer: 0, width: count)
            if count > 1 {
                trees[tree.root] = tree
                layers[file] = nodes.flatMap(\.bytes)
            }
            let root: SHA256Digest? = count > 0 ? tree.root : nil
            files.append(
                FileEntry(path: try SafePath("f\(file)"), length: Int64(count * 16384), offset: 0, piecesRoot: root))
        }
        layout = try ContentLayout(pieceLength: 16384, files: files, alignsFiles: true)
        self.layers = layers
        self.trees = trees
    }

    func answer(_ request: HashRequest) -> [SHA256Digest] {
        let range = HashRange(
            baseLayer: Int(request.baseLayer), index: Int(request.index), length: Int(request.length),
            proofLayers: Int(request.proofLayers))
        return trees[request.piecesRoot]?.hashes(range) ?? []
    }
}

@Suite struct LayerScaleTests {
    @Test func `twenty thousand files of several pieces cost no more for each`() throws {
        let sample = try LayerSample(pieces: Array(repeating: 3, count: 20_000), seed: 3)
        var watch = CallWatch()
        var fetch = watch.measure { LayerFetch<Int>(files: Array(0..<20_000), layout: sample.layout) }
        // The beginning is left to a worker thread; what follows is not.
        watch = CallWatch()
        var queue = fetch.next(peers: 0..<50, now: 0)
        while let (peer, request) = queue.popLast() {
            let answer = sample.answer(request)
            let verdict = watch.measure { fetch.received(request, answer, from: peer) }
            guard verdict == .accepted else { throw Unexpected() }
            queue += watch.measure { fetch.next(peers: CollectionOfOne(peer), now: 0) }
        }
        #expect(fetch.isComplete)
        let whole = fetch.wholeLayers
        #expect(whole.count == 20_000)
        #expect(whole.allSatisfy { sample.layers[$0.file] == $0.bytes })
        watch.expect(total: 15, longest: 0.1)
    }

    @Test func `no more is asked of a peer than it can answer soon`() throws {
        let sample = try LayerSample(pieces: Array(repeating: 3, count: 2_000) + [20_000], seed: 4)
        var fetch = LayerFetch<String>(files: Array(0...2_000), layout: sample.layout)
        var owed: [HashRequest] = []
        while !fetch.isComplete {
            owed += fetch.next(peers: ["a"], now: 0).map(\.request)
            #expect(owed.count <= 32)
            #expect(owed.reduce(0) { $0 + Int($1.length) } < 2048 + 512)
            guard let request = owed.popLast() else { break }
            _ = fetch.received(request, sample.answer(request), from: "a")
        }
        #expect(fetch.isComplete)
    }

    private struct Unexpected: Error {}

    /// Peers that lie, reject, fall silent and leave: the layers come out the same, and nothing is asked of two at once.
    @Test(arguments: 0..<20) func `whatever peers do the layers are those of the files`(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let shapes = [0, 1, 2, 3, 5, 512, 513, 700, 1025]
        let counts = (0..<Int.random(in: 1...40, using: &random)).map { _ in
            shapes.randomElement(using: &random) ?? 1
        }
        guard counts.contains(where: { $0 > 0 }) else { return }
        let sample = try LayerSample(pieces: counts, seed: UInt64(seed))
        var fetch = LayerFetch<Int>(files: Array(counts.indices), layout: sample.layout)
        var peers = Array(0..<6)
        var next = 6
        var now = 0.0
        var owed: [(peer: Int, request: HashRequest)] = []
        while !fetch.isComplete, now < 2_000 {
            let asked = fetch.next(peers: peers, now: now)
            for (peer, request) in asked {
                #expect(request.isWellFormed() && peers.contains(peer))
            }
            owed += asked
            for _ in 0..<8 where !owed.isEmpty {
                let (peer, request) = owed.remove(at: Int.random(in: owed.indices, using: &random))
                switch Int.random(in: 0..<12, using: &random) {
                case 0: fetch.rejected(request, by: peer, now: now)
                case 1: continue
                case 2:
                    var lie = sample.answer(request)
                    lie[Int.random(in: lie.indices, using: &random)] = .zero
                    // What pads the end of a layer is zeros at the lowest layer.
                    guard lie != sample.answer(request) else { break }
                    let verdict = fetch.received(request, lie, from: peer)
                    #expect(verdict != .accepted)
                case 3:
                    fetch.removePeer(peer)
                    peers.removeAll { $0 == peer }
                    peers.append(next)
                    next += 1
                default:
                    let verdict = fetch.received(request, sample.answer(request), from: peer)
                    #expect(verdict != .wrong)
                    #expect(fetch.received(request, sample.answer(request), from: peer) == .unexpected)
                }
            }
            now += 0.2
        }
        #expect(fetch.isComplete)
        #expect(Dictionary(uniqueKeysWithValues: fetch.wholeLayers.map { ($0.file, $0.bytes) }) == sample.layers)
    }
}
