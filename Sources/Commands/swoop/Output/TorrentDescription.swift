import Metainfo

/// The description of a torrent or magnet link, as text and as JSON.
struct TorrentDescription {
    private let torrent: Torrent?
    private let magnet: Magnet
    private let problems: [String]
    /// Warnings from making the torrent; nil if it was not made here.
    private let warnings: [String]?

    init(_ torrent: Torrent, warnings: [String]? = nil) {
        self.torrent = torrent
        self.warnings = warnings
        magnet = torrent.magnet
        problems = torrent.problems().map(\.message)
    }

    init(_ magnet: Magnet) {
        torrent = nil
        warnings = nil
        self.magnet = magnet
        let isLonely = magnet.trackers.isEmpty && magnet.peers.isEmpty
        problems =
            (isLonely ? ["it names neither a tracker nor a peer; give one with --peer"] : [])
            + magnet.ignored.map(\.message)
    }

    var text: String {
        var rows: [(String, String)] = []
        if let name { rows.append(("name", name.shown)) }
        rows += hashRows
        if let torrent { rows += contentRows(torrent) }
        rows += trackers.enumerated().map { ("tracker \($0 + 1)", $1.map(\.shown).joined(separator: "  or  ")) }
        rows += webSeeds.map { ("web seed", $0.shown) }
        if torrent != nil {
            rows.append(("magnet", magnet.encode()))
        } else {
            rows += magnet.peers.map { ("peer", $0.shown) }
        }
        let width = rows.map(\.0.count).max() ?? 0
        var lines = rows.map { $0.0.fitted(to: width) + "  " + $0.1 }
        if let torrent, !torrent.info.isSingleFile { lines += ["", fileTable(torrent.info)] }
        if !problems.isEmpty { lines += [""] + problems.map { "problem: \($0)" } }
        return lines.joined(separator: "\n")
    }

    var json: JSONValue {
        var pairs: [(String, JSONValue)] = [
            ("event", .string("torrent")), ("name", name.map(JSONValue.string) ?? .null),
            ("info_hash", .string(magnet.hashes.identity)), ("info_hash_v1", optional(magnet.hashes.v1?.hex)),
            ("info_hash_v2", optional(magnet.hashes.v2?.hex)),
            ("trackers", .array(trackers.map { .array($0.map(JSONValue.string)) })),
            ("web_seeds", .array(webSeeds.map(JSONValue.string))), ("magnet", .string(magnet.encode())),
            ("problems", .array(problems.map(JSONValue.string))),
        ]
        if let warnings { pairs.append(("warnings", .array(warnings.map(JSONValue.string)))) }
        guard let torrent else { return .object(pairs) }
        let info = torrent.info
        pairs += [
            ("format", .string(info.version.rawValue)), ("bytes", .int(Int(info.layout.totalLength))),
            ("piece_length", .int(info.layout.pieceLength)), ("pieces", .int(info.layout.pieceCount)),
            ("private", .bool(info.isPrivate)), ("comment", optional(torrent.comment)),
            ("created_by", optional(torrent.createdBy)),
            ("created", torrent.creationDate.map { .int(Int($0)) } ?? .null),
            ("files", .array(realFiles(info).map { file($0, info) })),
        ]
        return .object(pairs)
    }

    private var name: String? { torrent?.info.name.display ?? magnet.displayName }
    private var trackers: [[String]] { torrent?.trackers ?? magnet.trackers.map { [$0] } }
    private var webSeeds: [String] { torrent?.webSeeds ?? magnet.webSeeds }

    private var hashRows: [(String, String)] {
        [("info hash v1", magnet.hashes.v1?.hex), ("info hash v2", magnet.hashes.v2?.hex)].compactMap { row in
            row.1.map { (row.0, $0) }
        }
    }

    private func contentRows(_ torrent: Torrent) -> [(String, String)] {
        let info = torrent.info
        let files = HumanText.plural(realFiles(info).count, "file")
        var rows = [
            ("format", info.version.rawValue + (info.isPrivate ? ", private" : "")),
            (
                "content",
                "\(HumanText.bytes(Int(info.layout.totalLength))) (\(info.layout.totalLength) bytes) in \(files)"
            ),
            ("pieces", "\(info.layout.pieceCount) of \(HumanText.bytes(info.layout.pieceLength))"),
        ]
        if let comment = torrent.comment { rows.append(("comment", comment.shown)) }
        if let program = torrent.createdBy { rows.append(("made by", program.shown)) }
        return rows
    }

    private func fileTable(_ info: Info) -> String {
        TextTable(
            headings: ["bytes", "", "file"],
            rows: realFiles(info).map { ["\($0.length)", $0.isExecutable ? "x" : "", info.displayPath(of: $0)] },
            rightAligned: [0]
        ).text
    }

    private func realFiles(_ info: Info) -> [FileEntry] { info.layout.files.filter { !$0.isPadding } }

    private func file(_ file: FileEntry, _ info: Info) -> JSONValue {
        .object([
            ("path", .string(info.displayPath(of: file))), ("bytes", .int(Int(file.length))),
            ("executable", .bool(file.isExecutable)),
        ])
    }

    private func optional(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
}

extension InfoHashes {
    /// The torrent's identity in output: the v1 hash, or the whole v2 hash if there is no v1.
    var identity: String { v1?.hex ?? v2?.hex ?? "" }
}
