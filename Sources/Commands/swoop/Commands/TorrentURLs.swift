import ArgumentParser

/// The addresses that `create` and `edit` put around an info dictionary.
struct TorrentURLs: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A tracker; each further one is a tier of its own, asked when the ones before fail.", valueName: "url"))
    var tracker: [String] = []

    @Option(
        help: ArgumentHelp(
            "An HTTP server that has the content (BEP 19); may be given more than once.", valueName: "url"))
    var webSeed: [String] = []

    /// BEP 12: one tier for each.
    var tiers: [[String]] { tracker.map { [$0] } }

    /// Afterwards the URLs are as they can be used: without blanks around them, and encoded.
    mutating func validate() throws {
        tracker = try tracker.map(URLArgument.tracker)
        webSeed = try webSeed.map(URLArgument.webSeed)
    }
}
