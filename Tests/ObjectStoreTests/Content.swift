import Bencode
import HTTPOrigin
import Hashing
import Metainfo
import Testing

/// A small torrent whose bytes are known: every byte tells its place.
struct Content {
    let info: Info
    /// The content space, padding included.
    let bytes: [UInt8]

    static let pieceLength = 16_384

    /// A v1 torrent. Names that begin with `.pad` are padding; `single` is a torrent of one file.
    init(_ files: [(name: String, length: Int)], single: Bool = false, name: String = "content") throws {
        var bytes: [UInt8] = []
        for file in files {
            let isPadding = file.name.hasPrefix(".pad")
            let content = Content.bytes(from: bytes.count, file.length)
            bytes += isPadding ? [UInt8](repeating: 0, count: file.length) : content
        }
        var dictionary = BencodeDictionary()
        dictionary["name"] = .string(name)
        dictionary["piece length"] = .integer(Int64(Content.pieceLength))
        let pieces = (bytes.count + Content.pieceLength - 1) / Content.pieceLength
        dictionary["pieces"] = .data([UInt8](repeating: 0, count: 20 * pieces))
        if single {
            dictionary["length"] = .integer(Int64(bytes.count))
        } else {
            dictionary["files"] = .list(
                files.map { file in
                    var entry = BencodeDictionary()
                    entry["length"] = .integer(Int64(file.length))
                    entry["path"] = .list(file.name.split(separator: "/").map { .string(String($0)) })
                    if file.name.hasPrefix(".pad") { entry["attr"] = "p" }
                    return .dictionary(entry)
                })
        }
        info = try Info.parse(Bencode.encode(.dictionary(dictionary)))
        self.bytes = bytes
    }

    private static let pattern = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }

    /// The pattern over and over, as it is from `start` on.
    private static func bytes(from start: Int, _ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let place = (start + bytes.count) % pattern.count
            bytes += pattern[place..<min(pattern.count, place + count - bytes.count)]
        }
        return bytes
    }

    var length: Int64 { Int64(bytes.count) }
}

/// What a fetch brought.
struct Fetched {
    var outcome = WebSeedOutcome.complete
    var bytes: [UInt8] = []
    var chunks = 0
    /// Whether every chunk began where the one before it ended.
    var isInOrder = true
}

/// Fetches a run and keeps everything.
func fetch(_ source: some RangeSource, _ run: Range<Int64>) async -> Fetched {
    var fetched = Fetched()
    fetched.outcome = await source.fetch(run) { chunk in
        fetched.isInOrder = fetched.isInOrder && chunk.offset == run.lowerBound + Int64(fetched.bytes.count)
        fetched.chunks += 1
        chunk.withUnsafeBytes { fetched.bytes += Array($0) }
        return true
    }
    return fetched
}
