import Metainfo

/// Counts verified bytes by sender: each web seed separately, all peers together.
///
/// A byte counts once, for the sender of its block, when its piece is verified and stored. Padding counts for no
/// sender. A web seed keeps its credit when it leaves.
package struct CreditLedger: Sendable {
    /// Which files of the layout count; nil for all except padding.
    package var countedFiles: [Bool]?
    package private(set) var bySource: [PeerKey: Int64] = [:]
    package private(set) var byPeers: Int64 = 0
    /// Those of them that near peers sent.
    package private(set) var byNear: Int64 = 0

    package init() {}

    /// Call when a web seed has joined.
    package mutating func joined(_ source: PeerKey) { bySource[source] = 0 }

    /// Call when a piece was verified and stored.
    /// - Parameters:
    ///   - length: length of the piece on the wire, in bytes.
    ///   - senders: the sender of each block; nil for blocks of padding.
    ///   - isNear: whether a peer is at our site.
    package mutating func credit(
        _ piece: Int, length: Int, senders: [PeerKey?], blockLength: Int, in layout: ContentLayout,
        isNear: (PeerKey) -> Bool = { _ in false }
    ) {
        guard let first = senders.first else { return }
        var sender = first
        var begin = 0
        for (block, next) in senders.enumerated() where next != sender {
            credit(sender, piece, begin..<block * blockLength, in: layout, isNear)
            sender = next
            begin = block * blockLength
        }
        credit(sender, piece, begin..<length, in: layout, isNear)
    }

    private mutating func credit(
        _ sender: PeerKey?, _ piece: Int, _ range: Range<Int>, in layout: ContentLayout, _ isNear: (PeerKey) -> Bool
    ) {
        guard let sender, !range.isEmpty else { return }
        var bytes = 0
        for span in layout.spans(of: PieceIndex(unchecked: piece), in: range) where !span.isPadding {
            if countedFiles?[span.file] ?? true { bytes += span.length }
        }
        if bySource[sender] != nil {
            bySource[sender, default: 0] += Int64(bytes)
            return
        }
        byPeers += Int64(bytes)
        if isNear(sender) { byNear += Int64(bytes) }
    }
}
