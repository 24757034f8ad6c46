import ArgumentParser
import Authoring
import Swarm

/// `swoop seed`: seeds content that is stored here.
struct SeedCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "seed",
        abstract: "Give content to whoever asks.",
        discussion: """
            The content is checked first, unless --fast finds a resume record that vouches for it. Then it is given \
            until --seed-time is over (for ever without it) or a signal stops it; both end with 0.

            A directory of torrents serves all of them from one process: each is opened when somebody asks for it and \
            costs next to nothing before, so there may be hundreds of thousands. Torrents that are put there later are \
            taken up, those that are taken away go. Their content lies in PATH, each under its own name, and is not \
            hashed before: whoever receives it checks every piece.

            Examples:
              swoop seed film.torrent /srv/films/film --upload-limit 50MB/s
              swoop seed /srv/torrents /srv/films
            """)

    @Argument(help: ArgumentHelp("The torrent, or a directory of torrents.", valueName: "file.torrent"))
    var torrent: String

    @Argument(help: "The file or directory the torrent was made from, or the directory that has it.")
    var path: String

    @OptionGroup var transfer: TransferArguments

    @Option(
        help: ArgumentHelp("How long to give, as in 72h. Default: until stopped.", valueName: "duration"),
        transform: TimeSpan.parse)
    var seedTime: TimeSpan?

    @Flag(help: "Send each piece once before any twice: for the first seed of a swarm whose uplink is narrow.")
    var superSeed = false

    @Flag(help: "Skip the hash check when the resume record vouches for the content.")
    var fast = false

    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        if TorrentFile.isDirectory(torrent) { return try await serveAll(reporter) }
        let metainfo = try TorrentFile.read(torrent)
        let place = ContentVerifier.contentPath(for: metainfo.info, at: path)
        try TorrentFile.checkExists(place)
        var options = transfer.options
        options.superSeed = superSeed
        options.fast = fast
        StopSignal.shared.setForcedStatus(.done)
        let node = try EngineNode(logger: global.logger)
        try await node.use { node in
            let transfer = try await node.seed(torrent: metainfo, path: place, options: options)
            let plan = TransferSession.Plan(
                label: metainfo.info.name.display, seedTime: seedTime?.duration, isSeed: true)
            var session = TransferSession(transfer, reporter: reporter, plan: plan)
            try await session.run()
        }
    }

    private func serveAll(_ reporter: Reporter) async throws {
        try TorrentFile.checkExists(path)
        if superSeed {
            throw Failure(
                .usage, "--super-seed is for one torrent, and \(torrent.shown) is a directory",
                advice: "Leave it out, or name one torrent of the directory.")
        }
        StopSignal.shared.setForcedStatus(.done)
        let session = ShelfSession(
            directory: TorrentDirectory(torrent, content: path), reporter: reporter, options: transfer.options,
            seedTime: seedTime?.duration)
        try await EngineNode(logger: global.logger, hasManyTorrents: true).use { try await session.run(on: $0) }
    }
}
