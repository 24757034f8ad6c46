import ArgumentParser
import Authoring
import Metainfo

/// `swoop create`: a torrent of a file or directory.
struct CreateCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a torrent of a file or a directory.",
        discussion: """
            The default format is hybrid, which v1 and v2 clients can read. Some old clients can read neither hybrid \
            nor v2, because of the empty dictionary keys in them: aria2 before 1.37 and Transmission before 4.0. For \
            those, --format v1.

            In a hybrid torrent every file begins at a piece of its own. What lies between a file's end and the next \
            piece counts as zeros and is hashed for v1 all the same: of very many small files that is much more than \
            the files themselves. There, --format v1 or v2, or a small --piece-length, is faster.

            The same input gives the same info hash. Symlinks are an error unless --symlinks says what to do with \
            them; empty directories get a warning, since a torrent cannot hold them; the executable bit is kept; \
            names must be UTF-8.

            Example:
              swoop create film/ -o film.torrent --tracker http://t.example:6969/announce
            """)

    @Argument(help: "The file or directory.")
    var path: String

    @Option(name: .shortAndLong, help: ArgumentHelp("The torrent to write.", valueName: "file.torrent"))
    var output: String

    @OptionGroup var urls: TorrentURLs

    @Option(
        help: ArgumentHelp(
            "Length of a piece: a power of two from 16KiB. Default: by size, 256KiB to 16MiB.", valueName: "size"),
        transform: Self.pieceLength)
    var pieceLength: ByteSize?

    @Option(help: "v1, v2 or hybrid.")
    var format = Info.Version.hybrid

    @Flag(name: .customLong("private"), help: "Peers may come from the trackers only (BEP 27).")
    var isPrivate = false

    @Option(
        help: ArgumentHelp(
            "Leave out paths below PATH that match; may be given more than once.", valueName: "regex"))
    var exclude: [String] = []

    @Option(help: ArgumentHelp("The name that receivers will see. Default: the last part of PATH.", valueName: "name"))
    var name: String?

    @Option(help: ArgumentHelp("A comment to put in.", valueName: "text"))
    var comment: String?

    @Option(
        help: ArgumentHelp("Threads that read and hash, 1 to 128. Default: one for each processor.", valueName: "n"))
    var threads: Int?

    @Option(help: "follow: take what symlinks point at; skip: leave them out.")
    var symlinks: Symlinks?

    @OptionGroup var global: GlobalOptions

    /// What the option may say; without it a symlink is an error.
    enum Symlinks: String, ExpressibleByArgument, CaseIterable {
        case follow, skip

        var policy: SymlinkPolicy { self == .follow ? .follow : .skip }
    }

    func validate() throws {
        if let threads, !(1...AuthoringLimits.standard.maxThreads).contains(threads) {
            throw ValidationError("The value '\(threads)' is invalid for '--threads <n>': 1 to 128 are possible")
        }
        if let name {
            do { _ = try PathComponent(name) } catch {
                throw ValidationError("The value '\(name.shown)' is invalid for '--name <name>': \(error)")
            }
        }
    }

    func run(_ reporter: Reporter) async throws {
        let begin = ContinuousClock.now
        try TorrentFile.checkWritable(output)
        let torrent = try await untilStopped { try await make(reporter) }
        try TorrentFile.write(torrent.encode(), to: output)
        let info = torrent.info
        let bytes = Int(info.layout.totalLength)
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        reporter.event(TorrentDescription(torrent).json)
        reporter.event(
            CompletedContent(path: output, infoHash: info.hashes.identity, bytes: bytes, seconds: seconds).json)
        reporter.clearBars()
        reporter.note(
            """
            \(output.shown): \(HumanText.bytes(bytes)) in \(info.layout.pieceCount) pieces of \
            \(HumanText.bytes(info.layout.pieceLength)), \(info.version.rawValue), info hash \(info.hashes.identity)
            """)
    }

    private func make(_ reporter: Reporter) async throws -> Torrent {
        let scan = ScanOptions(symlinks: symlinks?.policy ?? .refuse, exclude: exclude)
        do {
            let content = try ContentScanner.scan(path, options: scan, isCancelled: { StopSignal.shared.isStopped })
            warn(content.warnings, reporter)
            let maker = try TorrentMaker(content, options: try options())
            let label = content.name.display
            return try await maker.make { reporter.progress(Progress($0, phase: "hashing"), label: label) }
        } catch let error as AuthoringError {
            throw Failure(error)
        }
    }

    private func warn(_ warnings: [ScanWarning], _ reporter: Reporter) {
        let most = 20
        for warning in warnings.prefix(most) { reporter.warning("\(warning)") }
        if warnings.count > most { reporter.warning("and \(warnings.count - most) more of this kind") }
    }

    private func options() throws -> TorrentOptions {
        var options = TorrentOptions(version: format, pieceLength: pieceLength?.bytes)
        options.name = try name.map { try PathComponent($0) }
        options.isPrivate = isPrivate
        options.trackers = urls.tiers
        options.webSeeds = urls.webSeed
        options.comment = comment
        options.createdBy = "swoop \(Swoop.version)"
        options.threads = threads
        return options
    }

    private static func pieceLength(_ text: String) throws -> ByteSize {
        let size = try ByteSize.parse(text)
        guard PieceLength.allowedRange.contains(size.bytes), size.bytes.nonzeroBitCount == 1 else {
            throw ArgumentProblem("a piece length is a power of two from 16KiB to 256MiB")
        }
        return size
    }
}

extension Info.Version: ExpressibleByArgument {}

extension Progress {
    /// Of hashing.
    init(_ progress: HashProgress, phase: String) {
        self.init(phase: phase, done: Int(progress.done), total: Int(progress.total), isTransfer: false)
    }
}
