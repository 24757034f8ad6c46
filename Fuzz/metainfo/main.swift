// sources: Text Bencode Hashing Metainfo
// max_len: 16384
//
// Torrent files, info dictionaries from peers, and magnet links. Holds for every input that is accepted: the layout
// covers each piece without gaps and each file wholly; no path can leave its directory; what is written back reads as
// the same torrent.

import Bencode
import Hashing
import Metainfo

private func check(_ info: Info) {
    let layout = info.layout
    precondition(layout.totalLength > 0 && layout.pieceCount > 0)
    check(name: info.name.bytes)
    var total: Int64 = 0
    for file in layout.files where !file.isPadding {
        total += file.length
        if !file.path.isEmpty {
            file.path.bytes.split(separator: 47, omittingEmptySubsequences: false).forEach(check(name:))
        }
        _ = file.path.display
    }
    precondition(total == layout.totalLength)
    // A few pieces at each end: an input of a few bytes may well have four million.
    let some = Array(layout.pieces.prefix(16)) + Array(layout.pieces.suffix(16))
    let hashes = PieceHashes(info: info)
    for piece in some {
        let length = layout.length(of: piece)
        precondition(length > 0 && length <= layout.pieceLength)
        var next = 0
        for span in layout.spans(of: piece).prefix(1000) {
            precondition(span.pieceOffset == next && span.length > 0)
            precondition(span.fileOffset >= 0 && span.fileOffset + Int64(span.length) <= layout.files[span.file].length)
            next += span.length
        }
        precondition(next <= length)
        _ = layout.isPadding(piece, 0..<length)
        precondition((hashes.v1(piece) != nil) == info.version.hasV1)
        if let expected = hashes.v2(piece) {
            precondition(expected.leafCount.nonzeroBitCount == 1 && expected.dataLength <= length)
        }
    }
    _ = hashes.filesMissingLayers
}

private func check(name: some Collection<UInt8>) {
    precondition(!name.isEmpty && name.count <= 255 && !name.contains(0) && !name.contains(47))
    precondition(!name.elementsEqual([46]) && !name.elementsEqual([46, 46]))
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzMetainfo(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    if let torrent = try? Torrent.parse(bytes) {
        check(torrent.info)
        // Those that are not there come from peers; those that are, are right.
        for root in torrent.pieceLayers.roots { precondition(torrent.pieceLayers[root]?.isEmpty == false) }
        _ = torrent.problems()
        let again = try? Torrent.parse(torrent.encode())
        precondition(again?.info.hashes == torrent.info.hashes && again?.info.layout == torrent.info.layout)
        precondition(again?.trackers == torrent.trackers && again?.webSeeds == torrent.webSeeds)
        precondition(again?.encode() == torrent.encode())
        // Setting a key leaves the hash alone, and gives a file that reads as it was set.
        var edited = torrent
        edited.trackers = [["http://t/announce"]]
        edited.webSeeds = []
        let back = try? Torrent.parse(edited.encode())
        precondition(back?.info.hashes == torrent.info.hashes && back?.trackers == edited.trackers)
        precondition(back?.webSeeds.isEmpty == true)
    }
    if let info = try? Info.parse(bytes) { check(info) }
    if let magnet = try? Magnet.parse(String(decoding: bytes, as: UTF8.self)) {
        precondition((try? Magnet.parse(magnet.encode()))?.hashes == magnet.hashes)
    }
    return 0
}
