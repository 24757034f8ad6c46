import Authoring
import Fleet
import Hashing
import Jobs
import Metainfo
import Storage
import Threads

/// Content to send, after it was scanned and hashed.
package struct SentContent: Sendable {
    package let torrent: Torrent
    package let sums: FileSums
    /// SHA-1 of each file, in the torrent's order; empty for `check: none`.
    package let digests: [SHA1Digest]

    /// The keys of the class that concern the sender.
    package struct Terms: Sendable {
        package var include: [String] = []
        package var exclude: [String] = []
        package var check = FleetClass.Check.sha256
        package var block: Int64?
        /// Whether targets give to each other.
        var peerToPeer = true
        package var verify: FleetClass.Verify?
        package var sources = FleetSources()

        package init(
            include: [String] = [], exclude: [String] = [], check: FleetClass.Check = .sha256, block: Int64? = nil
        ) {
            self.include = include
            self.exclude = exclude
            self.check = check
            self.block = block
        }
    }

    /// Most pieces where the class names no length of them. All targets are there at once, and tell each other of each
    /// piece: with twice as many, 20 targets take a third longer.
    private static let mostPieces: Int64 = 1000

    /// Scans and hashes the content.
    /// - Parameters:
    ///   - path: path of a file or directory, with all symbolic links resolved.
    ///   - name: name of the content; nil for the path's last component.
    package static func make(
        _ path: String, name: String?, terms: Terms, own: [String],
        progress: @escaping @Sendable (HashProgress) -> Void
    ) async throws(SendProblem) -> SentContent {
        let found = try await Threads.offload { () throws(SendProblem) -> ScannedContent in
            let found = try scan(path, terms, own)
            if terms.verify == .dcp {
                let problems = DigitalCinemaCheck.problems(of: path)
                guard problems.isEmpty else {
                    let text = problems.map(\.description).joined(separator: "; ")
                    throw SendProblem(.failed, "dcp", "the package does not hold: \(text.prefix(bytes: 900))")
                }
            }
            return found
        }
        let usual = PieceLength.automatic(totalLength: found.totalLength, most: mostPieces)
        var options = TorrentOptions(version: .v1, pieceLength: terms.block.flatMap { Int(exactly: $0) } ?? usual)
        if let name {
            do { options.name = try PathComponent(name) } catch {
                throw SendProblem(.usage, "name", "'\(DisplayName.escape(Array(name.utf8)))' is no name of a file")
            }
        }
        options.createdBy = nil
        // The sums follow the hashing of the pieces: the content is read from the disk once.
        let (front, check) = (ReadFront(), terms.check)
        let files = found.files.map { file -> (path: String, place: String, size: Int64) in
            let below = String(decoding: file.path.bytes, as: UTF8.self)
            return found.isSingleFile
                ? (options.name?.display ?? found.name.display, path, file.length)
                : (below, "\(path)/\(below)", file.length)
        }
        async let following = Threads.offload { () -> Result<(sums: FileSums, digests: [SHA1Digest]), SumProblem> in
            do throws(SumProblem) {
                return .success(try FileSums.readWithDigests(files, check: check, behind: front))
            } catch {
                return .failure(error)
            }
        }
        let torrent: Torrent
        do throws(AuthoringError) {
            torrent = try await TorrentMaker(found, options: options).make {
                front.advance(to: $0.done)
                progress($0)
            }
            front.end(failed: false)
        } catch {
            front.end(failed: true)
            _ = await following
            throw SendProblem(error)
        }
        await Threads.offload { vouch(torrent, path) }
        let (sums, digests): (FileSums, [SHA1Digest])
        switch await following {
        case .success(let found): (sums, digests) = (found.sums, found.digests)
        case .failure(let problem): throw SendProblem(.failed, "unreadable", problem.description)
        }
        return SentContent(torrent: torrent, sums: sums, digests: digests)
    }

    private static func scan(_ path: String, _ terms: Terms, _ own: [String]) throws(SendProblem) -> ScannedContent {
        let found: ScannedContent
        do throws(AuthoringError) { found = try ContentScanner.scan(path) } catch { throw SendProblem(error) }
        guard !found.isSingleFile else { return found }
        let filter = try SendFilter(path, terms, own)
        let kept = found.keeping { filter.keeps(String(decoding: $0.path.bytes, as: UTF8.self)) }
        guard kept.totalLength > 0 else {
            throw SendProblem(
                .failed, "no_content", "nothing is left of \(DisplayName.escape(Array(path.utf8))) to be sent",
                advice: "look at include and exclude of the class, and at -x")
        }
        return kept
    }

    /// Records that the content has just been hashed, so that the engine need not hash it again before it seeds.
    private static func vouch(_ torrent: Torrent, _ path: String) {
        let layout = torrent.info.layout
        guard let store = VouchingStore.standard(), let root = try? ContentRoot.at(path: path) else { return }
        let files = ContentFiles(
            layout: layout, root: root, access: .reading, selection: FileSelection(all: layout), preallocation: .none)
        try? store.save(files, hashes: torrent.info.hashes, pieces: PieceSet(full: layout.pieceCount))
    }
}

extension SendFilter {
    /// For a directory on this host. Blocks.
    /// - Parameter own: the sender's patterns.
    init(_ path: String, _ terms: SentContent.Terms, _ own: [String]) throws(SendProblem) {
        do throws(Problem) {
            try self.init(include: terms.include, exclude: terms.exclude, own: own) {
                PathFiles.status("\(path)/\($0)") != nil
            }
        } catch {
            throw SendProblem(
                .usage, "pattern", "the pattern '\(DisplayName.escape(Array(error.pattern.utf8)))': \(error.reason)")
        }
    }
}

extension SendProblem {
    init(_ error: AuthoringError) {
        switch error {
        case .noContent: self.init(.notFound, "no_content", "\(error)")
        case .changedWhileRead:
            self.init(.failed, "changed", "\(error)", advice: "send again when nothing writes there any more")
        default: self.init(.failed, "unreadable", "\(error)")
        }
    }
}
