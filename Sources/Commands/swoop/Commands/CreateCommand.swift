import ArgumentParser
import Authoring
import Metainfo
import Text

/// `swoop create`: makes a torrent of a file or directory.
struct CreateCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a torrent of a file or a directory.",
        discussion: """
            The default format is hybrid, which v1 and v2 clients can read. Some old clients can read neither hybrid \
            nor v2, because of the empty dictionary keys in them: aria2 before 1.37 and Transmission before 4.0. For \
            those, --format v1.

            In a hybrid torrent every file begins at a piece of its own. The padding between a file's end and the next \
            piece counts as zeros and is hashed all the same: of many small files that is much more than the files \
            themselves. Where padding would pass a tenth of the content, pieces get smaller, down to 16KiB, and where \
            that does not help the format is v1; a warning says so. --format hybrid insists, and so does \
            --piece-length.

            The torrent itself is left out when it is written inside PATH.

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

    @Option(help: "v1, v2 or hybrid. Default: hybrid, or v1 where that would be mostly padding.")
    var format: Info.Version?

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

    /// Values of the option; without it, a symlink is an error.
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
        let (torrent, warnings) = try await untilStopped { try await make(reporter) }
        try TorrentFile.write(torrent.encode(), to: output)
        let info = torrent.info
        let bytes = Int(info.layout.totalLength)
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        reporter.event(TorrentDescription(torrent, warnings: warnings).json)
        reporter.event(
            CompletedContent(path: output, infoHash: info.hashes.identity, bytes: bytes, seconds: seconds).json)
        reporter.clearBars()
        reporter.note(
            """
            \(output.shown): \(HumanText.bytes(bytes)) in \(info.layout.pieceCount) pieces of \
            \(HumanText.bytes(info.layout.pieceLength)), \(info.version.rawValue), info hash \(info.hashes.identity)
            """)
    }

    /// The torrent, and the warnings printed while it was made.
    private func make(_ reporter: Reporter) async throws -> (Torrent, [String]) {
        let scan = ScanOptions(symlinks: symlinks?.policy ?? .refuse, exclude: exclude, output: output)
        do {
            let content = try ContentScanner.scan(path, options: scan, isCancelled: { StopSignal.shared.isStopped })
            let choice = FormatChoice(
                lengths: content.files.map(\.length), version: format, pieceLength: pieceLength?.bytes)
            var warnings = Self.texts(content.warnings)
            if let reason = choice.reason { warnings.append(reason.text(choice, content: content.totalLength)) }
            for warning in warnings { reporter.warning(warning) }
            let maker = try TorrentMaker(content, options: try options(choice))
            let label = content.name.display
            let torrent = try await maker.make { reporter.progress(Progress($0, phase: "hashing"), label: label) }
            return (torrent, warnings)
        } catch let error as AuthoringError {
            throw Failure(error)
        }
    }

    private static func texts(_ warnings: [ScanWarning]) -> [String] {
        let most = 20
        let rest = warnings.count - most
        // Warnings about files that were left out without being excluded come first, so that they are not missed among
        // the others.
        let own = warnings.filter(\.isOwnOutput)
        return (own + warnings.filter { !$0.isOwnOutput }).prefix(most).map(\.description)
            + (rest > 0 ? ["and \(rest) more of this kind"] : [])
    }

    private func options(_ choice: FormatChoice) throws -> TorrentOptions {
        var options = TorrentOptions(version: choice.version, pieceLength: choice.pieceLength)
        options.name = try name.map { try PathComponent($0) }
        options.isPrivate = isPrivate
        options.trackers = urls.tiers
        options.webSeeds = urls.webSeed
        options.comment = comment
        options.createdBy = "swoop \(Product.version)"
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

extension ScanWarning {
    fileprivate var isOwnOutput: Bool { if case .ownOutput = self { true } else { false } }
}

extension FormatChoice.Reason {
    /// Text for a person.
    /// - Parameter content: bytes of all files.
    func text(_ choice: FormatChoice, content: Int64) -> String {
        func bytes(_ count: Int64) -> String { HumanText.bytes(Int(count)) }
        switch self {
        case .smallerPieces(let usual, let padding):
            return """
                many small files: pieces of \(bytes(Int64(usual))) would add \(bytes(padding)) of padding to \
                \(bytes(content)); pieces of \(bytes(Int64(choice.pieceLength))) are used
                """
        case .v1(let pieceLength, let padding):
            return """
                many small files: in a hybrid torrent, pieces of \(bytes(Int64(pieceLength))) would add \(bytes(padding)) of \
                padding to \(bytes(content)); the format is v1 ('--format hybrid' insists)
                """
        case .padded(let padding):
            return """
                many small files: the hybrid torrent has \(bytes(padding)) of padding beside \(bytes(content)), which \
                is hashed too; '--format v1' needs none
                """
        }
    }
}

extension Progress {
    /// Progress of hashing.
    init(_ progress: HashProgress, phase: String) {
        self.init(phase: phase, done: Int(progress.done), total: Int(progress.total), isTransfer: false)
    }
}
