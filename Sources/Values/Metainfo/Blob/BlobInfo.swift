import Bencode
import Hashing

/// The info dictionary of a blob: bytes named by their SHA-256.
///
/// A v1 info dictionary with exactly the keys `length`, `name` (the digest, 64 lower-case hexadecimal digits), `piece
/// length`, `pieces` and `sha256 chain`. One digest has one info hash wherever the dictionary is made, as long as the
/// piece length is the same. Other clients see an ordinary v1 torrent and verify pieces by SHA-1; here they are verified
/// by the chain alone.
///
/// A blob of no bytes has no torrent, because it has no piece: making or reading one throws `noContent`. Whoever is
/// asked for SHA-256's digest of nothing (``emptyDigest``) has the blob already.
public struct BlobInfo: Sendable {
    public let info: Info
    /// The states between the pieces.
    public let chain: SHA256Chain

    /// SHA-256's digest of no bytes.
    public static let emptyDigest = SHA256.digest([UInt8]())

    /// The digest of the blob.
    public var digest: SHA256Digest { chain.digest }
    /// In bytes, more than 0.
    public var length: Int64 { chain.length }
    /// The info hash of the blob's swarm.
    public var infoHash: SHA1Digest { info.hashes.primary }
    /// The SHA-256 of the info dictionary: proves single pieces to whoever has it from an index or owner.
    public var infoDigest: SHA256Digest { SHA256.digest(info.bytes) }

    /// Makes the info dictionary of a blob.
    /// - Parameters:
    ///   - pieces: the SHA-1 of each piece, 20 bytes each.
    ///   - states: for each piece but the first SHA-256's state at its start, 32 bytes each.
    /// - Throws: `MetainfoError` if the parts do not belong together, or the blob is empty.
    public init(
        digest: SHA256Digest, length: Int64, pieceLength: Int, pieces: [UInt8], states: [UInt8]
    ) throws(MetainfoError) {
        let chain = try SHA256Chain(digest: digest, length: length, pieceLength: pieceLength, states: states[...])
        try self.init(try Info.parse(Self.write(chain, pieces: pieces[...])))
    }

    /// Reads the info dictionary of a blob, from a file, an index or a peer.
    /// - Parameter expectation: what is known about it.
    /// - Throws: `MetainfoError` for anything but the dictionary that ``init(digest:length:pieceLength:pieces:states:)``
    ///   makes of the same parts, and for another one than expected.
    public static func parse(
        _ bytes: [UInt8], expecting expectation: InfoExpectation = .nothing, limits: MetainfoLimits = .standard
    ) throws(MetainfoError) -> BlobInfo {
        let blob = try BlobInfo(try Info.parse(bytes, limits: limits))
        try expectation.check(blob.info)
        return blob
    }

    /// - Throws: `MetainfoError.notABlob` if the dictionary is no blob's, or has other keys beside those of a blob.
    public init(_ info: Info) throws(MetainfoError) {
        guard let chain = info.chain, let pieces = info.v1PieceHashes else {
            throw .notABlob("it has no key '\(SHA256Chain.key)'")
        }
        guard info.bytes == Self.write(chain, pieces: pieces) else {
            throw .notABlob("it has other keys, or the same in another form")
        }
        self.info = info
        self.chain = chain
    }

    private static func write(_ chain: SHA256Chain, pieces: ArraySlice<UInt8>) -> [UInt8] {
        var writer = BencodeWriter()
        writer.reserve(pieces.count + chain.states.count + 256)
        writer.beginDictionary()
        writer.append("length")
        writer.append(chain.length)
        writer.append("name")
        writer.append(chain.digest.hex)
        writer.append("piece length")
        writer.append(Int64(chain.pieceLength))
        writer.append("pieces")
        writer.append(bytes: pieces)
        writer.append(SHA256Chain.key)
        writer.append(bytes: chain.states)
        writer.end()
        return writer.bytes
    }
}

extension PathComponent {
    /// The digest in a blob's name; nil if the name is not 64 lower-case hexadecimal digits.
    var digest: SHA256Digest? {
        guard bytes.allSatisfy({ !(UInt8(ascii: "A")...UInt8(ascii: "F")).contains($0) }) else { return nil }
        return string.flatMap { SHA256Digest(hex: $0) }
    }
}
