import BlobNode
import Blobs
import Files
import Glibc
import Hashing
import Metainfo
import Registry
import Threads

/// Replaces damaged pieces of a blob on the disk with verified ones from other sources.
struct Mending: Sendable {
    let node: BlobNode
    let sources: [any PieceSource]
    let names: [ContentName]

    /// - Returns: the pieces that are still damaged.
    func run(_ info: BlobInfo, _ pieces: Set<Int>) async throws -> Set<Int> {
        let (directory, digest) = (node.directory, info.digest)
        let file = try await Threads.offload { () throws(SystemError) -> HeldFile? in
            guard let file = try directory.openForMending(digest) else { return nil }
            try file.truncate(to: info.length)
            return file
        }
        guard let file else { return pieces }
        var left = pieces
        for piece in pieces.sorted() where try await mend(piece, of: info, in: file) { left.remove(piece) }
        try await Threads.offload { () throws(SystemError) in try file.synchronize() }
        return left
    }

    private func mend(_ index: Int, of info: BlobInfo, in file: HeldFile) async throws -> Bool {
        let (chain, piece) = (info.chain, PieceIndex(unchecked: index))
        let start = Int64(index) * Int64(chain.pieceLength)
        let range = start..<start + Int64(chain.length(of: piece))
        for source in sources {
            let found = await source.bytes(
                of: BlobDigest(info.digest), size: info.length, range: range, names: names
            ) { bytes in bytes.withUnsafeBytes { chain.verify([(piece, $0)]).first ?? false } }
            guard let found else { continue }
            try await Threads.offload { () throws(SystemError) in
                try file.layer.write(file.descriptor, found, at: range.lowerBound)
            }
            return true
        }
        return false
    }
}
