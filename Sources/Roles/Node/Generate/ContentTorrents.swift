import Authoring
import Hashing
import Metainfo

/// Makes the torrents of a content and the digests of its files. Reuses existing ones that still fit, and computes the
/// rest from one reading.
package struct ContentTorrents: Sendable {
    package struct Result: Sendable {
        package let full: Torrent
        /// Nil if BitTorrent's share has no file, or all files.
        package let share: Torrent?
        /// By index in the scan.
        package let digests: [SHA1Digest]
        /// Number of files that were read, and for each torrent whether it existed.
        package let filesRead: Int
        package let isFullOld: Bool
        package let isShareOld: Bool
    }

    let content: ScannedContent
    let version: Info.Version
    let tracker: String
    /// Indices in the scan of the files in the share's torrent; nil for none.
    let shareFiles: [Int]?
    /// Existing torrents that may be reused.
    package var oldFull: Torrent?
    package var oldShare: Torrent?
    /// Known digests, by index in the scan.
    package var known: [Int: SHA1Digest]
    var threads: Int?

    package init(
        content: ScannedContent, version: Info.Version, tracker: String, shareFiles: [Int]?, oldFull: Torrent? = nil,
        oldShare: Torrent? = nil, known: [Int: SHA1Digest], threads: Int? = nil
    ) {
        self.content = content
        self.version = version
        self.tracker = tracker
        self.shareFiles = shareFiles
        self.oldFull = oldFull
        self.oldShare = oldShare
        self.known = known
        self.threads = threads
    }

    /// - Throws: `AuthoringError`.
    package func make(progress: @escaping @Sendable (HashProgress) -> Void = { _ in }) async throws(AuthoringError)
        -> Result
    {
        let all = Array(content.files.indices)
        let pieceLength: Int
        let fullOld = oldFull.flatMap { fits($0, name: content.name.bytes, files: all) ? $0 : nil }
        pieceLength = fullOld?.info.layout.pieceLength ?? PieceLength.automatic(totalLength: content.totalLength)
        let shareName = content.name.bytes + Array("-tmp".utf8)
        let shareOld = shareFiles.flatMap { files in
            oldShare.flatMap { fits($0, name: shareName, files: files) ? $0 : nil }
        }
        var builders: [(builder: TorrentBuilder, line: ContentPass.Line)] = []
        if fullOld == nil { builders.append(try builder(name: content.name.bytes, files: all, pieceLength)) }
        var copied: [SHA1Digest] = []
        if let shareFiles, shareOld == nil {
            var (builder, line) = try builder(name: shareName, files: shareFiles, pieceLength)
            // A share at the start of the content has the same pieces as the content, except for the last.
            if version == .v1, shareFiles == Array(0..<shareFiles.count) {
                let whole = builder.layout.pieceCount - 1
                if let fullOld {
                    copied = Self.digests(fullOld, count: whole)
                    line.skippedPieces = copied.count
                } else {
                    line.skippedPieces = max(0, whole)
                }
            }
            builder.trackers = trackers
            builders.append((builder, line))
        }
        let unknown = Set(all.filter { known[$0] == nil })
        let lines = builders.map(\.line)
        let pass = ContentPass(content, fileDigests: unknown, lines: lines, threads: threads)
        let digests: ContentPass.Digests
        if lines.isEmpty, unknown.isEmpty {
            digests = ContentPass.Digests.none(files: content.files.count)
        } else {
            digests = try await pass.run(progress: progress)
        }
        var made: [Torrent] = []
        for (index, (builder, line)) in builders.enumerated() {
            var pieces = digests.v1[index]
            if line.skippedPieces > 0 {
                let source = copied.isEmpty ? digests.v1[0] : copied
                pieces.replaceSubrange(0..<line.skippedPieces, with: source.prefix(line.skippedPieces))
            }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(pieces.count * SHA1Digest.byteCount)
            for piece in pieces { piece.withUnsafeBytes { bytes.append(contentsOf: $0) } }
            do throws(MetainfoError) {
                made.append(try builder.build(v1: bytes, v2: digests.v2[index]))
            } catch {
                throw .metainfo(error)
            }
        }
        guard var full = fullOld ?? made.first else { throw .noContent(path: content.name.display) }
        var share = shareFiles == nil ? nil : shareOld ?? made.last
        full.trackers = trackers
        share?.trackers = trackers
        return Result(
            full: full, share: share,
            digests: all.map { known[$0] ?? digests.files[$0] ?? .zero },
            filesRead: lines.isEmpty ? unknown.count : content.files.count,
            isFullOld: fullOld != nil, isShareOld: shareFiles == nil || shareOld != nil)
    }

    /// Whether everything exists already.
    package var needsNoReading: Bool {
        let all = Array(content.files.indices)
        guard known.count == all.count, let oldFull, fits(oldFull, name: content.name.bytes, files: all) else {
            return false
        }
        guard let shareFiles else { return true }
        return oldShare.map { fits($0, name: content.name.bytes + Array("-tmp".utf8), files: shareFiles) } ?? false
    }

    private var trackers: [[String]] { tracker.isEmpty ? [] : [[tracker]] }

    private func builder(
        name: [UInt8], files: [Int], _ pieceLength: Int
    ) throws(AuthoringError) -> (TorrentBuilder, ContentPass.Line) {
        do throws(MetainfoError) {
            let component: PathComponent
            do throws(PathProblem) { component = try PathComponent(name) } catch {
                throw MetainfoError.notRepresentable("the name '\(content.name.display)' with '-tmp' behind it")
            }
            var builder: TorrentBuilder
            if content.isSingleFile, let file = content.files.first {
                builder = try TorrentBuilder(
                    name: component, length: file.length, isExecutable: file.isExecutable, pieceLength: pieceLength,
                    version: version)
            } else {
                let chosen = files.map { index in
                    let file = content.files[index]
                    return TorrentBuilder.File(path: file.path, length: file.length, isExecutable: file.isExecutable)
                }
                builder = try TorrentBuilder(name: component, files: chosen, pieceLength: pieceLength, version: version)
            }
            builder.trackers = trackers
            var next = files.makeIterator()
            let map = builder.layout.files.map { $0.isPadding ? nil : next.next() }
            return (builder, ContentPass.Line(layout: builder.layout, version: version, files: map))
        } catch {
            throw .metainfo(error)
        }
    }

    /// Whether a torrent contains exactly these files, by names and lengths, in the wanted format.
    private func fits(_ torrent: Torrent, name: [UInt8], files: [Int]) -> Bool {
        let info = torrent.info
        let own = info.layout.files.filter { !$0.isPadding }
        guard info.version == version, info.name.bytes == name, info.isSingleFile == content.isSingleFile,
            own.count == files.count
        else { return false }
        return zip(own, files).allSatisfy { entry, index in
            content.files.indices.contains(index) && entry.length == content.files[index].length
                && entry.path == content.files[index].path
        }
    }

    private static func digests(_ torrent: Torrent, count: Int) -> [SHA1Digest] {
        let layout = torrent.info.layout
        return (0..<max(0, count)).compactMap { raw in layout.piece(raw).flatMap { torrent.pieceHashes.v1($0) } }
    }
}

extension ContentPass.Digests {
    /// The result of a pass with nothing to do.
    package static func none(files: Int) -> Self {
        ContentPass.Digests(files: [SHA1Digest?](repeating: nil, count: files), v1: [], v2: [])
    }
}
