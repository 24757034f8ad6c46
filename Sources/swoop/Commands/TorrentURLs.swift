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

    func validate() throws {
        for url in tracker where !WebAddress.isTracker(url) {
            throw ValidationError(
                "The value '\(url.shown)' is invalid for '--tracker': an http://, https:// or udp:// URL is expected")
        }
        for url in webSeed where !WebAddress.isHTTP(url) {
            throw ValidationError(
                "The value '\(url.shown)' is invalid for '--web-seed': an http:// or https:// URL is expected")
        }
    }
}
