import Bencode
import Metainfo
import Testing

/// A named torrent that must be refused, and how the refusal is recognised.
struct BadTorrent: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let isExpected: @Sendable (MetainfoError) -> Bool

    var testDescription: String { name }

    /// A sample torrent with one place in it changed.
    init(
        _ name: String, in version: Info.Version = .v1, single: Bool = false, _ path: String, _ value: BencodeValue?,
        expect: @escaping @Sendable (MetainfoError) -> Bool
    ) throws {
        let torrent = try single ? Sample.single(version) : Sample.directory(version)
        let decoded = try Bencode.decode(torrent.encode())
        let components = path.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        self.init(name, raw: Bencode.encode(decoded.replacing(components, with: value)), expect: expect)
    }

    init(_ name: String, raw: [UInt8], expect: @escaping @Sendable (MetainfoError) -> Bool) {
        self.name = name
        bytes = raw
        isExpected = expect
    }

    private static func unsafe(_ problem: PathProblem) -> @Sendable (MetainfoError) -> Bool {
        { if case .unsafeName(_, problem) = $0 { true } else { false } }
    }

    private static func error(_ error: MetainfoError) -> @Sendable (MetainfoError) -> Bool { { $0 == error } }

    private static let long = String(repeating: "n", count: 256)

    static func names() throws -> [BadTorrent] {
        // The place of a name in each format: top-level, v1 path, v2 tree.
        let bad: [(String, BencodeValue, PathProblem)] = [
            ("dot-dot", "..", .dotDot), ("dot", ".", .dot), ("empty", "", .empty), ("absolute", "/etc", .slash),
            ("slash", "x/../../y", .slash), ("nul", "x\0y", .nul), ("too-long", .string(long), .tooLong),
        ]
        let systematic = try bad.flatMap { label, value, problem -> [BadTorrent] in
            let key = value.stringValue ?? ""
            var torrents: [BadTorrent] = [
                try BadTorrent("name-\(label)", "info|name", value, expect: unsafe(problem)),
                try BadTorrent("name-v2-\(label)", in: .v2, "info|name", value, expect: unsafe(problem)),
                try BadTorrent("name-utf8-\(label)", "info|name.utf-8", value, expect: unsafe(problem)),
                try BadTorrent("path-\(label)", "info|files|0|path", ["ok", value], expect: unsafe(problem)),
                try BadTorrent("path-first-\(label)", "info|files|0|path|0", value, expect: unsafe(problem)),
                try BadTorrent("path-utf8-\(label)", "info|files|0|path.utf-8", [value], expect: unsafe(problem)),
                try BadTorrent("pad-\(label)", in: .hybrid, "info|files|1|path", [value], expect: unsafe(problem)),
            ]
            if !key.isEmpty {
                torrents.append(
                    try BadTorrent(
                        "tree-\(label)", in: .v2, "info|file tree|\(key)", ["": ["length": 0]], expect: unsafe(problem))
                )
                torrents.append(
                    try BadTorrent(
                        "tree-deep-\(label)", in: .v2, "info|file tree|sub|\(key)", ["": ["length": 0]],
                        expect: unsafe(problem)))
            }
            return torrents
        }
        let others: [BadTorrent] = [
            try BadTorrent("path-none", "info|files|0|path", [], expect: unsafe(.noComponents)),
            try BadTorrent(
                "path-deep", "info|files|0|path", .list([BencodeValue](repeating: "d", count: 101)),
                expect: unsafe(.tooDeep)),
            try BadTorrent(
                "path-endless", "info|files|0|path",
                .list([BencodeValue](repeating: .string(String(repeating: "d", count: 255)), count: 17)),
                expect: unsafe(.pathTooLong)),
            try BadTorrent("path-twice", "info|files|1|path", ["a.bin"], expect: error(.duplicatePath("a.bin"))),
            try BadTorrent(
                "path-in-file", "info|files|1|path", ["a.bin", "x"], expect: error(.fileIsDirectory("a.bin"))),
            try BadTorrent("file-on-directory", "info|files|0|path", ["sub"], expect: error(.fileIsDirectory("sub"))),
            try BadTorrent(
                "tree-file-and-directory", in: .v2, "info|file tree|a.bin|x", ["": ["length": 0]],
                expect: error(.fileIsDirectory("a.bin"))),
            try BadTorrent("symlink-attr", "info|files|0|attr", "l", expect: error(.symlink("a.bin"))),
            try BadTorrent("symlink-path", "info|files|0|symlink path", ["x"], expect: error(.symlink("a.bin"))),
            try BadTorrent(
                "symlink-single", single: true, "info|attr", "l", expect: error(.symlink("one.bin"))),
            try BadTorrent(
                "symlink-tree", in: .v2, "info|file tree|a.bin||attr", "lx", expect: error(.symlink("a.bin"))),
            try BadTorrent(
                "padding-in-tree", in: .v2, "info|file tree|a.bin||attr", "p",
                expect: error(.paddingInFileTree("a.bin"))),
        ]
        return systematic + others
    }

    static func sizes() throws -> [BadTorrent] {
        let anyLength: @Sendable (MetainfoError) -> Bool = { if case .badLength = $0 { true } else { false } }
        let anyPieceLength: @Sendable (MetainfoError) -> Bool = { if case .badPieceLength = $0 { true } else { false } }
        let anyCount: @Sendable (MetainfoError) -> Bool = { if case .wrongPieceCount = $0 { true } else { false } }
        let tooMany: @Sendable (MetainfoError) -> Bool = { if case .tooManyPieces = $0 { true } else { false } }
        var all: [BadTorrent] = [
            try BadTorrent("length-negative", "info|files|0|length", -1, expect: anyLength),
            try BadTorrent("length-missing", "info|files|0|length", nil, expect: anyLength),
            try BadTorrent("length-text", "info|files|0|length", "1", expect: anyLength),
            try BadTorrent("length-negative-single", single: true, "info|length", -300_000, expect: anyLength),
            try BadTorrent("length-negative-tree", in: .v2, "info|file tree|a.bin||length", -1, expect: anyLength),
            try BadTorrent("length-huge", "info|files|0|length", .integer(.max), expect: error(.contentTooLarge)),
            try BadTorrent(
                "length-huge-tree", in: .v2, "info|file tree|a.bin||length", .integer(.max),
                expect: error(.contentTooLarge)),
            try BadTorrent(
                "length-2-to-62", in: .v2, "info|file tree|a.bin||length", .integer(1 << 61), expect: tooMany),
            try BadTorrent("length-zero-single", single: true, "info|length", 0, expect: error(.noContent)),
            try BadTorrent("length-and-files", "info|length", 5, expect: error(.wrongType(key: "length"))),
            try BadTorrent("files-none", "info|files", [], expect: error(.noContent)),
            try BadTorrent("files-no-list", "info|files", 7, expect: error(.wrongType(key: "files"))),
            try BadTorrent("files-no-dictionary", "info|files|0", 7, expect: error(.wrongType(key: "files"))),
            try BadTorrent("files-missing", "info|files", nil, expect: error(.missing(key: "length"))),
            try BadTorrent("path-no-list", "info|files|0|path", "a", expect: error(.wrongType(key: "path"))),
            try BadTorrent("path-of-numbers", "info|files|0|path", [1], expect: error(.wrongType(key: "path"))),
            try BadTorrent("path-missing", "info|files|0|path", nil, expect: error(.missing(key: "path"))),
            try BadTorrent(
                "piece-length-missing", "info|piece length", nil, expect: error(.missing(key: "piece length"))),
            try BadTorrent(
                "piece-length-text", "info|piece length", "9", expect: error(.wrongType(key: "piece length"))),
            try BadTorrent("pieces-missing", "info|pieces", nil, expect: error(.missing(key: "pieces"))),
            try BadTorrent("pieces-number", "info|pieces", 3, expect: error(.wrongType(key: "pieces"))),
            try BadTorrent(
                "pieces-odd", "info|pieces", .data([UInt8](repeating: 0, count: 161)),
                expect: error(.badPieceHashes(bytes: 161))),
            try BadTorrent("pieces-few", "info|pieces", .data([UInt8](repeating: 0, count: 140)), expect: anyCount),
            try BadTorrent("pieces-many", "info|pieces", .data([UInt8](repeating: 0, count: 180)), expect: anyCount),
            try BadTorrent("pieces-empty", "info|pieces", "", expect: anyCount),
            try BadTorrent("name-missing", "info|name", nil, expect: error(.missing(key: "name"))),
            try BadTorrent("name-number", "info|name", 3, expect: error(.wrongType(key: "name"))),
            try BadTorrent("info-missing", "info", nil, expect: error(.missing(key: "info"))),
            try BadTorrent("info-no-dictionary", "info", "x", expect: error(.wrongType(key: "info"))),
            try BadTorrent("private-text", "info|private", "1", expect: error(.wrongType(key: "private"))),
            try BadTorrent("version-3", "info|meta version", 3, expect: error(.unsupportedVersion(3))),
            try BadTorrent("version-minus-1", "info|meta version", -1, expect: error(.unsupportedVersion(-1))),
        ]
        for length: Int64 in [0, -1, .min, .max, 1, 1023, (256 << 20) + 1, 1 << 62] {
            all.append(
                try BadTorrent("piece-length-\(length)", "info|piece length", .integer(length), expect: anyPieceLength))
        }
        for length: Int64 in [0, -32768, 8192, 32767, 49152, 1 << 40] {
            for version in [Info.Version.v2, .hybrid] {
                all.append(
                    try BadTorrent(
                        "piece-length-\(version)-\(length)", in: version, "info|piece length", .integer(length),
                        expect: anyPieceLength))
            }
        }
        return all
    }

    static func version2() throws -> [BadTorrent] {
        let mismatch: @Sendable (MetainfoError) -> Bool = { if case .hybridMismatch = $0 { true } else { false } }
        let anyTree: @Sendable (MetainfoError) -> Bool = { if case .badFileTree = $0 { true } else { false } }
        let noRoot: @Sendable (MetainfoError) -> Bool = { if case .missingPiecesRoot = $0 { true } else { false } }
        let root = try #require(try Sample.directory(.v2).info.layout.files[0].piecesRoot).bytes
        let layers = try #require(
            try Bencode.decode(try Sample.directory(.v2).encode()).dictionaryValue?["piece layers"]?.dictionaryValue)
        let layer = Array(try #require(layers[BencodeBytes(root)]?.bytesValue))
        func changedLayers(with value: BencodeValue?) -> BencodeValue {
            var changed = layers
            changed[BencodeBytes(root)] = value
            return .dictionary(changed)
        }
        var flipped = layer
        flipped[0] ^= 1
        let wrong = error(.wrongPieceLayer("a.bin"))
        let all: [BadTorrent] = [
            try BadTorrent("tree-missing", in: .v2, "info|file tree", nil, expect: error(.missing(key: "file tree"))),
            try BadTorrent("tree-text", in: .v2, "info|file tree", "x", expect: error(.wrongType(key: "file tree"))),
            try BadTorrent("tree-empty", in: .v2, "info|file tree", [:], expect: error(.noContent)),
            try BadTorrent("tree-empty-directory", in: .v2, "info|file tree|zzz", [:], expect: anyTree),
            try BadTorrent("tree-node-text", in: .v2, "info|file tree|zzz", "x", expect: anyTree),
            try BadTorrent("tree-file-text", in: .v2, "info|file tree|zzz", ["": "x"], expect: anyTree),
            try BadTorrent(
                "tree-root-of-nothing", in: .v2, "info|file tree|empty||pieces root", .data(root), expect: anyTree),
            try BadTorrent("root-missing", in: .v2, "info|file tree|a.bin||pieces root", nil, expect: noRoot),
            try BadTorrent(
                "root-short", in: .v2, "info|file tree|a.bin||pieces root", .data(root.dropLast()), expect: noRoot),
            try BadTorrent(
                "layer-short", in: .v2, "piece layers", changedLayers(with: .data(layer.dropLast(32))), expect: wrong),
            try BadTorrent(
                "layer-odd", in: .v2, "piece layers", changedLayers(with: .data(layer.dropLast())), expect: wrong),
            try BadTorrent(
                "layer-long", in: .v2, "piece layers",
                changedLayers(with: .data(layer + [UInt8](repeating: 0, count: 32))), expect: wrong),
            try BadTorrent("layer-empty", in: .v2, "piece layers", changedLayers(with: ""), expect: wrong),
            try BadTorrent(
                "layer-flipped", in: .v2, "piece layers", changedLayers(with: .data(flipped)), expect: wrong),
            try BadTorrent(
                "layer-flipped-hybrid", in: .hybrid, "piece layers", changedLayers(with: .data(flipped)),
                expect: wrong),
            try BadTorrent(
                "root-of-another-length", in: .v2, "info|file tree|b.bin||pieces root", .data(root),
                expect: error(.wrongPieceLayer("b.bin"))),
            try BadTorrent("hybrid-name", in: .hybrid, "info|files|0|path", ["A.bin"], expect: mismatch),
            try BadTorrent("hybrid-length", in: .hybrid, "info|files|0|length", 99_999, expect: mismatch),
            try BadTorrent("hybrid-v1-lacks-file", in: .hybrid, "info|files|9", nil, expect: mismatch),
            try BadTorrent("hybrid-v2-lacks-file", in: .hybrid, "info|file tree|sub.bin", nil, expect: mismatch),
            try BadTorrent("hybrid-padding-lacking", in: .hybrid, "info|files|1", nil, expect: mismatch),
            try BadTorrent("hybrid-padding-too-long", in: .hybrid, "info|files|1|length", 31073, expect: mismatch),
            try BadTorrent(
                "hybrid-padding-of-pieces", in: .hybrid, "info|files|1|length", .integer(31072 + 32768),
                expect: mismatch),
            try BadTorrent("hybrid-file-as-padding", in: .hybrid, "info|files|2|attr", "p", expect: mismatch),
            try BadTorrent("hybrid-single-name", in: .hybrid, single: true, "info|name", "two.bin", expect: mismatch),
            try BadTorrent("hybrid-single-length", in: .hybrid, single: true, "info|length", 299_999, expect: mismatch),
        ]
        return all
    }

    /// Torrents that are no proper bencode, and bombs.
    static func encodings() -> [BadTorrent] {
        let bencode: @Sendable (MetainfoError) -> Bool = { if case .bencode = $0 { true } else { false } }
        func text(_ name: String, _ text: String, _ expect: @escaping @Sendable (MetainfoError) -> Bool) -> BadTorrent {
            BadTorrent(name, raw: Array(text.utf8), expect: expect)
        }
        let info = "d6:lengthi1e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae"
        return [
            text("nothing", "", bencode), text("html", "<!DOCTYPE html>", bencode),
            text("a-number", "i1e", error(.notADictionary)), text("a-list", "le", error(.notADictionary)),
            text("trailing", "d4:info\(info)e\n", bencode), text("cut", "d4:info\(info.dropLast())", bencode),
            text("info-twice", "d4:info\(info)4:info\(info)e", bencode),
            text("name-twice", "d4:infod4:name1:a4:name1:bee", bencode),
            text("length-leading-zero", "d4:info" + info.replacingOne("i1e", "i01e") + "e", bencode),
            text("length-minus-zero", "d4:info" + info.replacingOne("i1e", "i-0e") + "e", bencode),
            text("length-2-to-64", "d4:info" + info.replacingOne("i1e", "i18446744073709551616e") + "e", bencode),
            text("string-overflow", "d4:info" + info.replacingOne("20:", "18446744073709551636:") + "e", bencode),
            text("nesting-bomb", "d4:info" + String(repeating: "l", count: 1 << 20), bencode),
            text("tree-bomb", "d4:infod9:file tree" + String(repeating: "d1:a", count: 1 << 18), bencode),
            text(
                "unsorted-tree",
                "d4:infod9:file treed1:bd0:d6:lengthi0eee1:ad0:d6:lengthi0eeee12:meta versioni2e"
                    + "4:name1:x12:piece lengthi16384eee",
                error(.unsortedKeys)),
        ]
    }

    static func all() throws -> [BadTorrent] { try names() + sizes() + version2() + encodings() }
}

extension String {
    fileprivate func replacingOne(_ old: String, _ new: String) -> String {
        guard let range = self.firstRange(of: old) else { return self }
        return self[..<range.lowerBound] + new + self[range.upperBound...]
    }
}
