import ArgumentParser
import Authoring
import Metainfo

/// `swoop verify`: checks whether content on disk matches a torrent.
struct VerifyCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check content against a torrent, file by file: exit 0 if complete, 3 if not.",
        discussion: """
            Every byte is read, whatever any record says. The verdicts are on standard output: of every file when \
            all are right (of 20 at most), else of those that are not.

            Example:
              swoop verify film.torrent /srv/films/film
            """)

    @Argument(help: ArgumentHelp("The torrent.", valueName: "file.torrent"))
    var torrent: String

    @Argument(help: "The file or directory to check, or the directory that has it.")
    var path: String

    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        try await Self.check(try TorrentFile.read(torrent), at: path, reporter, isResult: true)
    }

    /// Reads all of the content, and prints the files that do not match; throws if there are any.
    /// - Parameter isResult: whether the verdicts are the result of the command, or only information.
    static func check(_ metainfo: Torrent, at path: String, _ reporter: Reporter, isResult: Bool = false) async throws {
        func say(_ text: String) { isResult && !reporter.mode.quiet ? reporter.result(text) : reporter.note(text) }
        let info = metainfo.info
        let place = ContentVerifier.contentPath(for: info, at: path)
        try TorrentFile.checkExists(place)
        let verifier = ContentVerifier(info: info, hashes: metainfo.pieceHashes, path: place)
        let report = try await untilStopped {
            try await verifier.verify { reporter.progress(Progress($0, phase: "checking"), label: info.name.display) }
        }
        let lines = info.layout.files.indices.filter { !info.layout.files[$0].isPadding }.map {
            VerdictLine(path: info.displayPath(of: info.layout.files[$0]), verdict: report.files[$0])
        }
        for line in lines { reporter.event(line.json) }
        let wrong = lines.filter { $0.verdict != .ok }
        // A person sees only some lines, so that errors are not lost among 100,000 lines of "ok". A script gets all
        // lines.
        for line in wrong.isEmpty ? lines.prefix(20) : wrong.prefix(1000) { say(line.text) }
        guard wrong.isEmpty else {
            let files = HumanText.plural(lines.count, "file")
            throw Failure(
                .verification, "\(place.shown): \(wrong.count) of \(files) not as the torrent says",
                advice: "'swoop get' with --overwrite fetches only what is wrong or missing.")
        }
        let total = HumanText.bytes(Int(info.layout.totalLength))
        say("\(place.shown): complete, \(total) in \(HumanText.plural(lines.count, "file"))")
    }
}
