import ArgumentParser

/// The URLs that `create` and `edit` add to a torrent.
struct TorrentURLs: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A tracker; each further one is a tier of its own, asked when the ones before fail.", valueName: "url"))
    var tracker: [String] = []

    @Option(
        help: ArgumentHelp(
            "An HTTP server that has the content (BEP 19); may be given more than once.", valueName: "url"))
    var webSeed: [String] = []

    /// One tier (BEP 12) for each tracker.
    var tiers: [[String]] { tracker.map { [$0] } }

    /// Normalises the URLs: removes blanks around them, and percent-encodes them.
    mutating func validate() throws {
        tracker = try tracker.map(URLArgument.tracker)
        webSeed = try webSeed.map(URLArgument.webSeed)
    }
}
