import Hashing
import Metainfo
import PeerWire

/// Downloads from peers the piece layers that an info dictionary does not contain (BEP 52, hash requests). Every
/// response carries its proof up to the file's root, so a wrong one is detected at once and its sender is known.
///
/// The cost of a response is the hashing of its contents, independent of the number of files.
public struct LayerFetch<Peer: Hashable & Sendable>: Sendable {
    public enum Verdict: Equatable, Sendable {
        case accepted
        /// Not requested, or too late: ignore it.
        case unexpected
        /// The hashes do not lead to the root.
        case wrong
    }

    /// The piece layer of one file, which is downloaded in runs of hashes.
    private struct Layer: Sendable {
        let file: Int
        let root: SHA256Digest
        /// Number of hashes in the layer: one for each piece.
        let pieces: Int
        /// Number of hashes in each run; the last run may extend past the end of the file.
        let run: Int
        /// Number of this layer's first run among the runs of all files.
        let firstPart: Int

        var width: Int { MerkleTree.width(pieces) }
    }

    /// How a peer has answered so far.
    private struct Conduct: Sendable {
        /// Maximum number of outstanding requests.
        var allowance = 4
        /// Consecutive requests that the peer did not answer or rejected.
        var strikes = 0
        /// Time until which the peer is not asked.
        var restsUntil = -Double.infinity
    }

    /// Maximum number of hashes in one response.
    private static var longestRun: Int { 512 }
    /// Seconds until a run is requested from another peer.
    private static var patience: Double { 10 }
    /// Maximum number of outstanding requests to one peer, and of hashes that they request together.
    private static var mostRequests: Int { 32 }
    private static var mostHashes: Int { 2048 }
    /// Backoff, in seconds, for a peer that did not answer. Doubles each time.
    private static var rest: Double { 5 }
    private static var longestRest: Double { 80 }

    private let baseLayer: Int
    private var layers: [Layer] = []
    /// The received hashes of each layer: 32 bytes for each piece; empty until the first run has arrived.
    private var gathered: [[UInt8]]
    /// For each run, its index in `layers`.
    private var layerOfPart: [Int32] = []
    private var layerOfRoot: [SHA256Digest: Int] = [:]
    private var parts: PartRequests<Peer>
    private var conduct: [Peer: Conduct] = [:]

    /// - Parameter files: indices of the files whose layers are missing. Files with the same root count once.
    public init(files: [Int], layout: ContentLayout) {
        baseLayer = (layout.pieceLength / MerkleTree.leafSize).trailingZeroBitCount
        for file in files.sorted() where layout.files.indices.contains(file) {
            let pieces = layout.pieces(ofFile: file).count
            // A file of one piece has no layer: its root is the hash of the piece.
            guard let root = layout.files[file].piecesRoot, pieces > 1, layerOfRoot[root] == nil else { continue }
            layerOfRoot[root] = layers.count
            let run = min(Self.longestRun, MerkleTree.width(pieces))
            let layer = Layer(file: file, root: root, pieces: pieces, run: run, firstPart: layerOfPart.count)
            let runs = (pieces + run - 1) / run
            layerOfPart.append(contentsOf: repeatElement(Int32(truncatingIfNeeded: layers.count), count: runs))
            layers.append(layer)
        }
        parts = PartRequests(count: layerOfPart.count)
        gathered = Array(repeating: [], count: layers.count)
    }

    public var isComplete: Bool { parts.isComplete }

    public mutating func removePeer(_ peer: Peer) {
        parts.removePeer(peer)
        conduct[peer] = nil
    }

    /// The requests to send to these peers now.
    public mutating func next(peers: some Sequence<Peer>, now: Double) -> [(peer: Peer, request: HashRequest)] {
        for peer in parts.expire(Self.patience, now: now) { failed(peer, now: now) }
        var requests: [(Peer, HashRequest)] = []
        for peer in peers where now >= conduct[peer]?.restsUntil ?? -.infinity {
            let allowance = conduct[peer]?.allowance ?? Conduct().allowance
            let owed = parts.parts(of: peer)
            var count = owed.count
            var hashes = owed.reduce(0) { $0 + layers[Int(layerOfPart[$1])].run }
            while count < allowance, hashes < Self.mostHashes, let part = parts.takePart(for: peer, now: now) {
                let request = request(for: part)
                requests.append((peer, request))
                count += 1
                hashes += Int(request.length)
            }
        }
        return requests
    }

    public mutating func rejected(_ request: HashRequest, by peer: Peer, now: Double) {
        guard let part = part(for: request), parts.isAsked(part, of: peer) else { return }
        parts.giveBack(part)
        failed(peer, now: now)
    }

    public mutating func received(_ request: HashRequest, _ digests: [SHA256Digest], from peer: Peer) -> Verdict {
        guard let part = part(for: request), parts.isAsked(part, of: peer) else { return .unexpected }
        let place = Int(layerOfPart[part])
        let layer = layers[place]
        let range = HashRange(
            baseLayer: baseLayer, index: Int(request.index), length: layer.run, proofLayers: Int(request.proofLayers))
        guard MerkleTree.verify(digests, range, width: layer.width, root: layer.root) else {
            parts.giveBack(part)
            return .wrong
        }
        parts.arrived(part)
        store(digests.prefix(min(layer.run, layer.pieces - range.index)), at: range.index, of: place)
        var conduct = conduct[peer] ?? Conduct()
        conduct.allowance = min(Self.mostRequests, conduct.allowance + 1)
        conduct.strikes = 0
        self.conduct[peer] = conduct
        return .accepted
    }

    /// The whole layer of each file, in the order of the files; empty until all have arrived. The cost grows with their
    /// size.
    public var wholeLayers: [(file: Int, bytes: [UInt8])] {
        isComplete ? zip(layers, gathered).map { ($0.file, $1) } : []
    }

    private mutating func failed(_ peer: Peer, now: Double) {
        var conduct = conduct[peer] ?? Conduct()
        // Requests that time out or are rejected together count once.
        if now >= conduct.restsUntil {
            conduct.restsUntil = now + min(Self.longestRest, Self.rest * Double(1 << min(conduct.strikes, 8)))
            conduct.strikes += 1
        }
        conduct.allowance = 1
        self.conduct[peer] = conduct
    }

    private mutating func store(_ digests: ArraySlice<SHA256Digest>, at index: Int, of place: Int) {
        let size = SHA256Digest.byteCount
        if gathered[place].isEmpty { gathered[place] = [UInt8](repeating: 0, count: layers[place].pieces * size) }
        digests.withUnsafeBytes { source in
            gathered[place].withUnsafeMutableBytes { target in
                UnsafeMutableRawBufferPointer(rebasing: target[index * size..<index * size + source.count])
                    .copyMemory(from: source)
            }
        }
    }

    // MARK: Runs and their requests

    private func request(for part: Int) -> HashRequest {
        let layer = layers[Int(layerOfPart[part])]
        let range = HashRange(
            baseLayer: baseLayer, index: (part - layer.firstPart) * layer.run, length: layer.run, proofLayers: 0
        ).provenToRoot(width: layer.width)
        return HashRequest(
            piecesRoot: layer.root, baseLayer: UInt32(truncatingIfNeeded: baseLayer),
            index: UInt32(truncatingIfNeeded: range.index), length: UInt32(truncatingIfNeeded: range.length),
            proofLayers: UInt32(truncatingIfNeeded: range.proofLayers))
    }

    /// The run that a request is for; nil for a request that is not ours.
    private func part(for request: HashRequest) -> Int? {
        guard let place = layerOfRoot[request.piecesRoot] else { return nil }
        let layer = layers[place]
        guard Int(request.index) < layer.pieces else { return nil }
        let part = layer.firstPart + Int(request.index) / layer.run
        return self.request(for: part) == request ? part : nil
    }
}
