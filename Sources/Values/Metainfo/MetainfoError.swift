import Bencode

/// Why a torrent, an info dictionary or a magnet link is refused. Names in the message are escaped for display.
public enum MetainfoError: Error, Sendable, Hashable {
    case bencode(BencodeError)
    case notADictionary
    case missing(key: String)
    case wrongType(key: String)
    case unsupportedVersion(Int64)
    case unsortedKeys

    case unsafeName(String, PathProblem)
    case duplicatePath(String)
    case fileIsDirectory(String)
    case symlink(String)
    case badFileTree(String)
    case paddingInFileTree(String)

    case badLength(String)
    case contentTooLarge
    case noContent
    case tooManyFiles(limit: Int)
    case tooManyPieces(limit: Int)
    case badPieceLength(Int64)
    case badPieceHashes(bytes: Int)
    case wrongPieceCount(expected: Int, found: Int)

    case hybridMismatch(String)
    case missingPiecesRoot(String)
    case missingPieceLayer(String)
    case wrongPieceLayer(String)

    case badChain(String)
    case notABlob(String)
    case unexpected(String)

    case badMagnet(String)
    case notRepresentable(String)
}

extension MetainfoError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .bencode(let error): "not a torrent: \(error)"
        case .notADictionary: "not a torrent: the outermost value is not a dictionary"
        case .missing(let key): "the torrent lacks the key '\(key)'"
        case .wrongType(let key): "the torrent's key '\(key)' has a value of the wrong type"
        case .unsupportedVersion(let version): "the torrent has meta version \(version); 1 and 2 are known"
        case .unsortedKeys: "the keys of a v2 torrent's info dictionary are out of order, and with them its files"
        case .unsafeName(let name, let problem): "the name '\(name)' is refused: \(problem)"
        case .duplicatePath(let path): "the torrent names the file '\(path)' twice"
        case .fileIsDirectory(let path): "the torrent has '\(path)' as a file and as a directory"
        case .symlink(let path): "'\(path)' is a symbolic link; torrents with symbolic links are refused"
        case .badFileTree(let path): "the file tree is malformed at '\(path)'"
        case .paddingInFileTree(let path): "the file tree has padding in it ('\(path)'), which v2 does not allow"
        case .badLength(let path): "the length of '\(path)' is missing, negative or not a number"
        case .contentTooLarge: "the lengths of the files add up to more than can be"
        case .noContent: "the torrent holds no data: all its files are empty"
        case .tooManyFiles(let limit): "the torrent has more than \(limit) files"
        case .tooManyPieces(let limit): "the torrent has more than \(limit) pieces; make it with longer pieces"
        case .badPieceLength(let length):
            "the piece length \(length) is not allowed (v2: a power of two from 16 KiB; at most 256 MiB)"
        case .badPieceHashes(let bytes): "the piece hashes take \(bytes) bytes, which is no multiple of 20"
        case .wrongPieceCount(let expected, let found):
            "the files make \(expected) pieces, but the torrent has hashes for \(found)"
        case .hybridMismatch(let what): "the v1 and v2 halves of the torrent disagree: \(what)"
        case .missingPiecesRoot(let path): "'\(path)' has no 32-byte pieces root"
        case .missingPieceLayer(let path): "the piece hashes (piece layer) of '\(path)' are missing"
        case .wrongPieceLayer(let path): "the piece hashes (piece layer) of '\(path)' do not match its pieces root"
        case .badChain(let why): "the SHA-256 chain of the torrent is malformed: \(why)"
        case .notABlob(let why): "not the info dictionary of a blob: \(why)"
        case .unexpected(let why): "not the info dictionary that was asked for: \(why)"
        case .badMagnet(let why): "not a usable magnet link: \(why)"
        case .notRepresentable(let why): "a torrent cannot hold this: \(why)"
        }
    }
}
