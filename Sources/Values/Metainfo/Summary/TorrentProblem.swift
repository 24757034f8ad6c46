/// A warning about a torrent. The torrent is valid; otherwise parsing would have failed.
public struct TorrentProblem: Sendable, Hashable, CustomStringConvertible {
    /// The kind of problem. The raw value is stable and appears in JSON.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case noTracker = "no-tracker"
        case privateWithoutTracker = "private-without-tracker"
        case oddPieceLength = "odd-piece-length"
        case fewLongPieces = "few-long-pieces"
        case manyPieces = "many-pieces"
        case windowsName = "windows-name"
        case nameCollision = "name-collision"
        case notUTF8 = "not-utf-8"
        case misleadingName = "misleading-name"
        case missingPieceLayers = "missing-piece-layers"
        case ignored = "ignored"
    }

    public let kind: Kind
    /// The problem, for a person; names in it are escaped.
    public let message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    public var description: String { message }
}

extension Torrent {
    /// Warnings to show before this torrent is used or published. For each kind that names files, the first few are
    /// listed one by one and the rest as a count.
    public func problems() -> [TorrentProblem] {
        trackerProblems + addressProblems + pieceProblems + Self.nameProblems(of: info) + ignored
    }

    private var trackerProblems: [TorrentProblem] {
        var found: [TorrentProblem] = []
        if trackers.isEmpty {
            if info.isPrivate {
                found.append(.init(.privateWithoutTracker, "private, but without a tracker: nobody can find a peer"))
            } else {
                found.append(.init(.noTracker, "no tracker: peers must be given by hand"))
            }
        }
        return found
    }

    /// Problems of URLs that were set in code. URLs from a parsed file have been checked already.
    private var addressProblems: [TorrentProblem] {
        var notes = ReadingNotes()
        for url in trackers.joined() {
            do throws(AddressProblem) { _ = try TrackerAddress(url) } catch {
                notes.add(.tracker, Array(url.utf8)[...], error)
            }
        }
        for url in webSeeds {
            do throws(AddressProblem) { _ = try WebSeedAddress(url) } catch {
                notes.add(.webSeed, Array(url.utf8)[...], error)
            }
        }
        return notes.problems
    }

    private var pieceProblems: [TorrentProblem] {
        var found: [TorrentProblem] = []
        let layout = info.layout
        if layout.pieceLength & (layout.pieceLength - 1) != 0 || layout.pieceLength < 16 << 10 {
            found.append(
                .init(.oddPieceLength, "the piece length \(layout.pieceLength) is no power of two from 16 KiB"))
        }
        if layout.pieceLength > 16 << 20 {
            found.append(
                .init(.fewLongPieces, "pieces are longer than 16 MiB: each takes that much memory, and spreads late"))
        }
        if layout.pieceCount > 100_000, layout.pieceLength < 16 << 20 {
            found.append(.init(.manyPieces, "\(layout.pieceCount) pieces: longer ones would cost less"))
        }
        let missing = pieceHashes.filesMissingLayers.count
        if missing > 0 {
            found.append(
                .init(
                    .missingPieceLayers,
                    "the v2 piece hashes (piece layers) of \(missing) files are missing: they come from peers"))
        }
        return found
    }

    /// Problems of names only, for `create`, before the torrent exists.
    static func nameProblems(of info: Info) -> [TorrentProblem] {
        nameProblems(name: info.name, paths: info.layout.files.lazy.filter { !$0.isPadding }.map(\.path))
    }

    /// Problems that names cause on other systems or for human readers. `name` is the top-level name.
    public static func nameProblems(name: PathComponent, paths: some Sequence<SafePath>) -> [TorrentProblem] {
        let shown = 5
        var messages: [(kind: TorrentProblem.Kind, messages: [String], total: Int)] = [
            (.windowsName, [], 0), (.nameCollision, [], 0), (.notUTF8, [], 0), (.misleadingName, [], 0),
        ]
        func add(_ place: Int, _ message: @autoclosure () -> String) {
            messages[place].total += 1
            if messages[place].messages.count < shown { messages[place].messages.append(message()) }
        }
        func check(_ component: PathComponent) {
            if let problem = Portability.windowsProblem(component) {
                add(0, "'\(component.display)' \(problem): Windows cannot hold it")
            }
            guard let text = component.string else {
                return add(2, "'\(component.display)' is not UTF-8")
            }
            if text.unicodeScalars.contains(where: DisplayName.isHarmful) {
                add(3, "'\(component.display)' has control or direction characters in it")
            }
        }
        check(name)
        var lastDirectory: ArraySlice<UInt8>?
        for path in paths where !path.isEmpty {
            let end = path.bytes.lastIndex(of: UInt8(ascii: "/")) ?? 0
            if lastDirectory == path.bytes[..<end] {
                if let last = path.lastComponent { check(last) }
            } else {
                lastDirectory = path.bytes[..<end]
                path.components.forEach(check)
            }
        }
        for (one, other) in Portability.collisions(among: paths) {
            add(1, "'\(one.display)' and '\(other.display)' are the same name on Windows and macOS")
        }
        return messages.flatMap { kind, messages, total in
            let rest = total - messages.count
            return messages.map { TorrentProblem(kind, $0) }
                + (rest > 0 ? [TorrentProblem(kind, "and \(rest) more like this")] : [])
        }
    }
}
