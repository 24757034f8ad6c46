import ArgumentParser
import Metainfo

/// `swoop edit`: changes trackers and web seeds of a torrent, without changing its content.
struct EditCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit",
        abstract: "Change a torrent's trackers or web seeds without touching its info hash.",
        discussion: """
            What is given replaces all of its kind. Everything else stays byte for byte: the info dictionary, and also \
            keys that mean nothing here.

            Example:
              swoop edit film.torrent -o new.torrent --tracker http://t.example/announce
            """)

    @Argument(help: ArgumentHelp("The torrent.", valueName: "file.torrent"))
    var torrent: String

    @OptionGroup var urls: TorrentURLs

    @Option(name: .shortAndLong, help: ArgumentHelp("The torrent to write; may be the same file.", valueName: "out"))
    var output: String

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if urls.tracker.isEmpty && urls.webSeed.isEmpty {
            throw ValidationError("nothing to change: give '--tracker' or '--web-seed'")
        }
    }

    func run(_ reporter: Reporter) async throws {
        var edited = try TorrentFile.read(torrent)
        if !urls.tracker.isEmpty { edited.trackers = urls.tiers }
        if !urls.webSeed.isEmpty { edited.webSeeds = urls.webSeed }
        let bytes = edited.encode()
        try TorrentFile.write(bytes, to: output)
        reporter.event(TorrentDescription(try TorrentFile.parse(bytes, from: output)).json)
        reporter.note("\(output.shown): \(edited.info.hashes.identity)")
    }
}
