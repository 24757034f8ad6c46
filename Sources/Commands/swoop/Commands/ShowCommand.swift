import ArgumentParser
import Metainfo

/// `swoop show`: prints the contents of a torrent or a magnet link.
struct ShowCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show what is in a torrent: names, sizes, hashes, trackers, problems.",
        discussion: """
            Example:
              swoop show film.torrent
            """)

    @Argument(
        help: ArgumentHelp(
            "A torrent file, the http(s) URL of one, or a magnet link.", valueName: "file.torrent|magnet"))
    var source: String

    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let description =
            switch try await TorrentSource.open(source) {
            case .torrent(let torrent): TorrentDescription(torrent)
            case .magnet(let magnet): TorrentDescription(magnet)
            }
        reporter.event(description.json)
        if !global.json { reporter.result(description.text) }
    }
}
