import Bencode
import Hashing

/// Checks a decoded info dictionary and turns it into an `Info`.
struct InfoReader {
    let dictionary: BencodeDictionary
    let limits: MetainfoLimits

    /// - Parameters:
    ///   - bytes: the info dictionary as received.
    ///   - base: the offset of the info dictionary in the bytes that `dictionary` was decoded from.
    func info(bytes: [UInt8], base: Int) throws(MetainfoError) -> Info {
        let version = try version()
        let name = try name(version: version)
        let pieceLength = try pieceLength(version: version)

        var v1Files: V1Files?
        if version.hasV1 { v1Files = try V1Files(dictionary, version: version, limits: limits) }
        var tree: FileTree?
        if version.hasV2 {
            guard let root = try optional("file tree", \.dictionaryValue) else { throw .missing(key: "file tree") }
            tree = try FileTree(root, limits: limits)
        }

        let layout: ContentLayout
        let isSingleFile: Bool
        switch (v1Files, tree) {
        case (let files?, let tree?):
            isSingleFile = files.isSingleFile
            let merged = try HybridCheck.merge(v1: files, v2: tree, name: name)
            layout = try ContentLayout(pieceLength: pieceLength, files: merged, alignsFiles: false, limits: limits)
            try HybridCheck.checkAlignment(layout)
        case (let files?, nil):
            isSingleFile = files.isSingleFile
            layout = try ContentLayout(pieceLength: pieceLength, files: files.files, alignsFiles: false, limits: limits)
        case (nil, let tree?):
            isSingleFile = tree.isSingleFile(named: name)
            let files = isSingleFile ? tree.files.map(\.atTopLevel) : tree.files
            layout = try ContentLayout(pieceLength: pieceLength, files: files, alignsFiles: true, limits: limits)
        case (nil, nil):
            throw .missing(key: "pieces")
        }

        let pieceHashes = version.hasV1 ? try v1PieceHashes(in: bytes, base: base, count: layout.pieceCount) : nil
        guard
            let hashes = InfoHashes(
                v1: version.hasV1 ? SHA1.digest(bytes) : nil, v2: version.hasV2 ? SHA256.digest(bytes) : nil)
        else { throw .missing(key: "pieces") }
        return Info(
            name: name, version: version, isSingleFile: isSingleFile, isPrivate: try isPrivate(),
            source: dictionary["source"]?.stringValue, layout: layout, hashes: hashes, bytes: bytes,
            v1PieceHashes: pieceHashes,
            chain: try chain(in: bytes, base: base, version: version, name: name, layout: layout))
    }

    private func version() throws(MetainfoError) -> Info.Version {
        let number = try optional("meta version", \.integerValue) ?? 1
        let hasPieces = dictionary["pieces"] != nil
        switch number {
        case 1: return .v1
        case 2:
            try requireSortedKeys()
            return hasPieces ? .hybrid : .v2
        default: throw .unsupportedVersion(number)
        }
    }

    /// The order of the keys in a v2 file tree is the order of the content; see `Metainfo.swift`.
    private func requireSortedKeys() throws(MetainfoError) {
        guard dictionary.keysWereSorted else { throw .unsortedKeys }
    }

    private func name(version: Info.Version) throws(MetainfoError) -> PathComponent {
        let utf8 = dictionary["name.utf-8"]?.bytesValue
        let plain = try optional("name", \.bytesValue)
        guard let bytes = version == .v1 ? utf8 ?? plain : plain ?? utf8 else { throw .missing(key: "name") }
        do { return try PathComponent(bytes) } catch { throw .unsafeName(DisplayName.escape(bytes), error) }
    }

    private func pieceLength(version: Info.Version) throws(MetainfoError) -> Int {
        guard let length = try optional("piece length", \.integerValue) else { throw .missing(key: "piece length") }
        let smallest = version.hasV2 ? MerkleTree.leafSize : limits.minPieceLength
        guard length >= Int64(smallest), length <= Int64(limits.maxPieceLength) else { throw .badPieceLength(length) }
        if version.hasV2, length & (length - 1) != 0 { throw .badPieceLength(length) }
        return Int(length)
    }

    private func isPrivate() throws(MetainfoError) -> Bool {
        (try optional("private", \.integerValue) ?? 0) != 0
    }

    private func v1PieceHashes(in bytes: [UInt8], base: Int, count: Int) throws(MetainfoError) -> ArraySlice<UInt8> {
        guard let pieces = try optional("pieces", \.bytesValue),
            let own = slice(of: "pieces", pieces, in: bytes, base: base)
        else { throw .missing(key: "pieces") }
        guard pieces.count % SHA1Digest.byteCount == 0 else { throw .badPieceHashes(bytes: pieces.count) }
        let found = pieces.count / SHA1Digest.byteCount
        guard found == count else { throw .wrongPieceCount(expected: count, found: found) }
        return own
    }

    /// The chain of a blob: of a v1 torrent of one file, whose name is the digest.
    private func chain(
        in bytes: [UInt8], base: Int, version: Info.Version, name: PathComponent, layout: ContentLayout
    ) throws(MetainfoError) -> SHA256Chain? {
        let key = SHA256Chain.key
        guard let states = try optional(key, \.bytesValue) else { return nil }
        guard version == .v1, dictionary["files"] == nil else {
            throw .badChain("only a v1 torrent of one file has one")
        }
        guard let digest = name.digest else {
            throw .badChain("the name '\(name.display)' is no digest of 64 lower-case hexadecimal digits")
        }
        guard let own = slice(of: key, states, in: bytes, base: base) else { throw .missing(key: key) }
        return try SHA256Chain(
            digest: digest, length: layout.totalLength, pieceLength: layout.pieceLength, states: own)
    }

    /// A string's bytes as a slice of the info dictionary, so that the whole torrent file need not stay in memory.
    private func slice(
        of key: String, _ string: ArraySlice<UInt8>, in bytes: [UInt8], base: Int
    ) -> ArraySlice<UInt8>? {
        // The string's bytes are at the end of its encoding.
        guard let end = dictionary.span(of: key).map({ $0.upperBound - base }), string.count <= end, end <= bytes.count
        else { return nil }
        return bytes[end - string.count..<end]
    }

    private func optional<T>(
        _ key: String, _ kind: (BencodeValue) -> T?
    ) throws(MetainfoError) -> T? {
        guard let value = dictionary[key] else { return nil }
        guard let typed = kind(value) else { throw .wrongType(key: key) }
        return typed
    }
}
