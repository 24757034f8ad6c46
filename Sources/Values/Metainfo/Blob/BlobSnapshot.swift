import Bencode
import Hashing

/// An interrupted reading of a blob: what was computed of the bytes before `position`. Written and read as bytes, so that
/// an upload goes on after a restart.
public struct BlobSnapshot: Sendable, Hashable {
    /// The number of bytes that need not be read again, a multiple of every piece length in `pieces`.
    public let position: Int64
    /// The number of bytes that had been taken or were expected at least: pieces of lengths for shorter blobs are not here.
    public let leastLength: Int64
    /// The states at the multiples of the shortest piece length up to and including `position`, 32 bytes each.
    let states: [UInt8]
    /// By piece length, the SHA-1s of all pieces before `position`, 20 bytes each. Not empty.
    let pieces: [Int: [UInt8]]

    init(position: Int64, leastLength: Int64, states: [UInt8], pieces: [Int: [UInt8]]) {
        self.position = position
        self.leastLength = leastLength
        self.states = states
        self.pieces = pieces
    }

    /// The shortest of the piece lengths.
    var shortest: Int { pieces.keys.min() ?? 1 }

    /// SHA-256's state at `position`.
    var state: SHA256State {
        position == 0 ? .initial : SHA256State(bytes: states.suffix(SHA256State.byteCount)) ?? .initial
    }

    /// The snapshot as bytes: a bencoded dictionary.
    public var bytes: [UInt8] {
        let lengths = pieces.keys.sorted()
        return Bencode.encode([
            "least length": .integer(leastLength), "piece lengths": .list(lengths.map { .integer(Int64($0)) }),
            "pieces": .list(lengths.map { .data(pieces[$0] ?? []) }), "position": .integer(position),
            "states": .data(states),
        ])
    }

    /// Reads what `bytes` wrote.
    /// - Throws: `MetainfoError` for anything else.
    public init(bytes: [UInt8]) throws(MetainfoError) {
        let value: BencodeValue
        do { value = try Bencode.decode(bytes) } catch { throw .bencode(error) }
        guard let dictionary = value.dictionaryValue else { throw .notADictionary }
        guard let position = dictionary["position"]?.integerValue, position >= 0 else {
            throw .missing(key: "position")
        }
        guard let least = dictionary["least length"]?.integerValue, least >= position else {
            throw .missing(key: "least length")
        }
        guard let states = dictionary["states"]?.bytesValue else { throw .missing(key: "states") }
        guard let lengths = dictionary["piece lengths"]?.listValue, !lengths.isEmpty else {
            throw .missing(key: "piece lengths")
        }
        guard let lists = dictionary["pieces"]?.listValue, lists.count == lengths.count else {
            throw .missing(key: "pieces")
        }
        var pieces: [Int: [UInt8]] = [:]
        for (length, list) in zip(lengths, lists) {
            guard let length = length.integerValue, let list = list.bytesValue else { throw .wrongType(key: "pieces") }
            guard length > 0, length <= Int64(MetainfoLimits.standard.maxPieceLength), position % length == 0,
                length % 64 == 0, pieces[Int(length)] == nil
            else { throw .badPieceLength(length) }
            guard Self.has(list.count, bytes: SHA1Digest.byteCount, each: length, of: position) else {
                throw .badPieceHashes(bytes: list.count)
            }
            pieces[Int(length)] = Array(list)
        }
        let shortest = Int64(pieces.keys.min() ?? 1)
        if let odd = pieces.keys.first(where: { Int64($0) % shortest != 0 }) { throw .badPieceLength(Int64(odd)) }
        guard Self.has(states.count, bytes: SHA256State.byteCount, each: shortest, of: position) else {
            throw .badChain("\(states.count) bytes of states for \(position) bytes")
        }
        self.init(position: position, leastLength: least, states: Array(states), pieces: pieces)
    }

    /// Whether `count` is `size` bytes for each `length` bytes of `position`.
    private static func has(_ count: Int, bytes size: Int, each length: Int64, of position: Int64) -> Bool {
        let (expected, overflow) = (position / length).multipliedReportingOverflow(by: Int64(size))
        return !overflow && Int64(count) == expected
    }
}
