// sources: Text Bencode Hashing Metainfo
// max_len: 8192
//
// Info dictionaries of blobs and snapshots of interrupted readings. Holds for every dictionary that is accepted: it is
// the one form of its parts; every piece has its states; right bytes pass in any order and no others do. Any bytes,
// however they are cut, give the digest and the chain that hashing them at once gives; a snapshot goes on as if nothing
// had happened.

import Bencode
import Hashing
import Metainfo

/// What holds for every blob. `content`: its bytes, if they are known.
private func check(_ blob: BlobInfo, content: [UInt8]? = nil) {
    let chain = blob.chain
    precondition(blob.info.layout.pieceCount == chain.pieceCount && blob.length == blob.info.layout.totalLength)
    precondition(blob.info.name.bytes.elementsEqual(blob.digest.hex.utf8))
    let again = try? BlobInfo(
        digest: blob.digest, length: blob.length, pieceLength: chain.pieceLength,
        pieces: Array(blob.info.v1PieceHashes ?? []), states: Array(chain.states))
    precondition(again?.info.bytes == blob.info.bytes && again?.chain == chain)
    var total: Int64 = 0
    for piece in blob.info.layout.pieces {
        precondition(chain.length(of: piece) == blob.info.layout.length(of: piece))
        precondition(chain.start(of: piece) != nil && chain.end(of: piece) != nil)
        total += Int64(chain.length(of: piece))
    }
    precondition(total == blob.length)
    let behind = PieceIndex(unchecked: chain.pieceCount)
    precondition(chain.start(of: behind) == nil && chain.end(of: behind) == nil && chain.length(of: behind) == 0)
    // Bytes that nobody has hashed pass no check. Such as these may be the content itself.
    let guess = [UInt8](repeating: 0xa5, count: min(chain.length(of: PieceIndex(unchecked: 0)), 1 << 16))
    guard content?.prefix(guess.count).elementsEqual(guess) != true else { return }
    precondition(!guess.withUnsafeBytes { PieceHashes(info: blob.info).verify(PieceIndex(unchecked: 0), $0) })
}

/// The input as a blob, cut by its own bytes.
private func hash(_ bytes: [UInt8]) {
    guard
        let lengths = try? BlobPieceLengths([
            .init(from: 0, pieceLength: 1024), .init(from: 3000, pieceLength: 2048),
        ])
    else { preconditionFailure() }
    var hasher = BlobHasher(lengths: lengths)
    var position = 0
    var snapshots = 0
    while position < bytes.count {
        let count = min(bytes.count - position, Int(bytes[position]) * 7 + 1)
        hasher.update(Array(bytes[position..<position + count]))
        position += count
        guard bytes[position - 1] == 0, snapshots < 4 else { continue }
        snapshots += 1
        let snapshot = hasher.snapshot
        guard let read = try? BlobSnapshot(bytes: snapshot.bytes), read == snapshot,
            var next = try? BlobHasher(from: read, lengths: lengths)
        else { preconditionFailure() }
        next.update(Array(bytes[Int(snapshot.position)..<position]))
        precondition(next.finish() == hasher.finish())
        hasher = next
    }
    let result = hasher.finish()
    precondition(result.digest == SHA256.digest(bytes) && result.length == Int64(bytes.count))
    guard !bytes.isEmpty, let blob = try? result.info() else { return precondition(bytes.isEmpty) }
    check(blob, content: bytes)
    let hashes = PieceHashes(info: blob.info)
    bytes.withUnsafeBytes { all in
        let batch = hashes.layout.pieces.reversed().map { piece in
            let start = Int(hashes.layout.offset(of: piece))
            return (piece, UnsafeRawBufferPointer(rebasing: all[start..<start + hashes.layout.length(of: piece)]))
        }
        precondition(hashes.verify(batch).allSatisfy { $0 })
        for (piece, part) in batch { precondition(hashes.v1(piece) == SHA1.digest(part)) }
    }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzBlob(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    if let blob = try? BlobInfo.parse(bytes) {
        check(blob)
        precondition((try? Torrent.parse(Torrent(info: blob.info).encode()))?.info.chain == blob.chain)
    } else if let info = try? Info.parse(bytes), let chain = info.chain {
        precondition(info.version == .v1 && info.isSingleFile && chain.pieceCount == info.layout.pieceCount)
    }
    if let snapshot = try? BlobSnapshot(bytes: bytes) {
        precondition((try? BlobSnapshot(bytes: snapshot.bytes)) == snapshot)
        precondition(snapshot.position >= 0 && snapshot.position <= snapshot.leastLength)
        if var hasher = try? BlobHasher(from: snapshot) {
            hasher.update([1, 2, 3])
            _ = hasher.finish()
            _ = hasher.snapshot
        }
    }
    hash(bytes)
    return 0
}
