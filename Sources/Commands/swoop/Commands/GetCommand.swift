import Address
import ArgumentParser
import Swarm
import Tracking

/// `swoop get`: downloads and verifies content, and seeds it for a while.
struct GetCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Fetch content, verified, then give it for a while.",
        discussion: """
            The file or directory lands in DIR under its own name, complete; until then it lives in DIR/.NAME.swoop/. \
            Interrupted, the same command goes on from there. What is there already under that name is checked and \
            reused; what is wrong of it is replaced only with --overwrite. Content that was complete from the start is \
            verified and not seeded, unless --seed-time says so.

            A URL that redirects to a magnet link is followed as that link. A link's or a torrent's trackers and web seeds \
            that cannot be used are left out; 'swoop show' names them.

            The --on-complete command runs without a shell. It finds SWOOP_PATH, SWOOP_NAME, SWOOP_INFO_HASH and \
            SWOOP_BYTES in its environment, and what it prints goes to standard error. If it fails, the content \
            stays and swoop ends with 1.

            Examples:
              swoop get film.torrent -o /srv/films
              swoop get https://example.org/film.torrent -o . --seed-time 72h
              swoop get "magnet:?xt=urn:btih:..." -o . --on-complete /opt/ingest
            """)

    @Argument(
        help: ArgumentHelp(
            "A torrent file, the http(s) URL of one, or a magnet link.", valueName: "file.torrent|url|magnet"))
    var source: String

    @Option(name: .shortAndLong, help: ArgumentHelp("The directory that receives the content.", valueName: "dir"))
    var output: String

    @OptionGroup var transfer: TransferArguments

    @Option(
        help: ArgumentHelp("How long to give afterwards. Default: 30s.", valueName: "duration"),
        transform: TimeSpan.parse)
    var seedTime: TimeSpan?

    @Option(help: ArgumentHelp("Most to receive, as in 10MB/s.", valueName: "rate"), transform: Rate.parse)
    var downloadLimit: Rate?

    @Option(
        help: ArgumentHelp("Fetch only files whose path matches; may be given more than once.", valueName: "glob"))
    var select: [String] = []

    @Option(
        help: ArgumentHelp(
            "A peer to ask besides those the tracker names; may be given more than once.", valueName: "addr:port"),
        transform: AddressArgument.peer)
    var peer: [PeerAddress] = []

    @Option(help: ArgumentHelp("An HTTP server that has the content; may be given more than once.", valueName: "url"))
    var webSeed: [String] = []

    @Option(help: ArgumentHelp("A command to run when the content is complete.", valueName: "command"))
    var onComplete: String?

    @Flag(help: "Run the --on-complete command with /bin/sh.")
    var onCompleteShell = false

    @Option(
        help: ArgumentHelp("Give up when not one byte came for so long.", valueName: "duration"),
        transform: TimeSpan.parse)
    var timeout: TimeSpan?

    @Flag(help: "Replace what is wrong of content that is there already.")
    var overwrite = false

    @Flag(help: "Reserve the space first.")
    var preallocate = false

    @OptionGroup var global: GlobalOptions

    static let defaultSeedTime = Duration.seconds(30)

    mutating func validate() throws {
        if onCompleteShell, onComplete == nil { throw ValidationError("'--on-complete-shell' needs '--on-complete'") }
        if timeout?.seconds == 0 { throw ValidationError("'--timeout' must be longer than 0") }
        webSeed = try webSeed.map(URLArgument.webSeed)
    }

    func run(_ reporter: Reporter) async throws {
        let hook = try onComplete.map { try CompletionHook(command: $0, shell: onCompleteShell) }
        let source = try await untilStopped { [source] in try await TorrentSource.open(source) }
        let node = try EngineNode(logger: global.logger)
        try await node.use { node in
            let transfer =
                switch source {
                case .torrent(let torrent): try await node.get(torrent: torrent, into: output, options: options)
                case .magnet(let magnet): try await node.get(magnet: magnet, into: output, options: options)
                }
            let plan = TransferSession.Plan(
                label: source.label, seedTime: seedTime?.duration ?? Self.defaultSeedTime,
                endsWhenAlreadyComplete: seedTime == nil, hook: hook)
            var session = TransferSession(transfer, reporter: reporter, plan: plan)
            try await session.run()
        }
    }

    private var options: TransferOptions {
        var options = transfer.options
        options.downloadLimit = downloadLimit?.bytesPerSecond
        options.selection = select
        options.extraPeers = peer
        options.extraWebSeeds = webSeed
        options.timeout = timeout?.duration
        options.overwrite = overwrite
        options.preallocate = preallocate
        return options
    }
}
