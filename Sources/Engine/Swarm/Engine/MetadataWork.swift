import Hashing
import Metainfo
import SwarmCore

/// What a ``MetadataSession`` downloads metadata for: a magnet link, or a torrent file without its piece layers.
struct MetadataSubject: Sendable {
    let hashes: InfoHashes
    /// Tiers of tracker URLs (BEP 12).
    let tiers: [[String]]
    /// Peers to dial, as `host:port`.
    let peers: [String]
    /// The torrent, if its info dictionary is known: only layers are missing.
    let torrent: Torrent?

    init(_ magnet: Magnet) {
        hashes = magnet.hashes
        tiers = magnet.trackers.map { [$0] }
        peers = magnet.peers
        torrent = nil
    }

    init(_ torrent: Torrent) {
        hashes = torrent.info.hashes
        tiers = torrent.trackers
        peers = []
        self.torrent = torrent
    }
}

/// Work of a ``MetadataSession`` that takes long for large torrents; for worker threads.
package enum MetadataWork {
    package typealias Layers = LayerFetch<ObjectIdentifier>

    package enum Verdict: Sendable {
        /// Not the info dictionary of the link.
        case wrong
        case unusable(String)
        /// `layers` is nil if none are missing.
        case usable(Info, PieceHashes, layers: Layers?)
    }

    /// - Parameter chunks: the info dictionary, in order.
    package static func judge(
        _ chunks: [[UInt8]], against hashes: InfoHashes, expecting expectation: InfoExpectation = .nothing
    ) -> Verdict {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(chunks.reduce(0) { $0 + $1.count })
        for chunk in chunks { bytes.append(contentsOf: chunk) }
        // One that has the SHA-1 and not the SHA-256 is forged; another peer may have the right one.
        guard hashes.match(bytes), expectation.allows(bytes) else { return .wrong }
        do {
            let info = try Info.parse(bytes)
            try expectation.check(info)
            return examine(info, PieceHashes(info: info))
        } catch {
            return .unusable("\(error)")
        }
    }

    static func examine(_ info: Info, _ hashes: PieceHashes) -> Verdict {
        let missing = hashes.filesToFetchLayersOf
        return .usable(info, hashes, layers: missing.isEmpty ? nil : Layers(files: missing, layout: info.layout))
    }

    /// - Throws: `MetainfoError.wrongPieceLayer`.
    static func add(_ layers: Layers, to hashes: PieceHashes) throws(MetainfoError) -> PieceHashes {
        var hashes = hashes
        for layer in layers.wholeLayers { try hashes.add(layer: layer.bytes, ofFile: layer.file) }
        if let file = hashes.fileWithAnothersLayer { throw .wrongPieceLayer(file.path.display) }
        return hashes
    }
}

extension PieceHashes {
    /// Files whose layers must come from peers. Pieces of a hybrid torrent are verified by their v1 hashes.
    var filesToFetchLayersOf: [Int] { version == .v2 ? filesMissingLayers : [] }
}
