import Tracking

/// Pages for people and programs that watch the tracker.
enum Page: Int, CaseIterable {
    case html, json, metrics

    var type: StaticString {
        switch self {
        case .html: "text/html; charset=utf-8"
        case .json: "application/json"
        case .metrics: "text/plain; version=0.0.4; charset=utf-8"
        }
    }
}

/// What the pages are made from.
struct PageFacts {
    var uptimeSeconds: Int
    var interval: Int
    var totals: StoreTotals
    var counters: Counters
    var openConnections: Int
    /// Swarms of the allow-list; nil without one.
    var allowedSwarms: Int?
    var biggest: [(key: SwarmKey, counts: SwarmCounts)]
}

/// The last text of each page, kept for a second: making one looks at every swarm, and must not cost more because many
/// ask.
struct PageCache {
    private var texts: [(text: [UInt8], madeAt: UInt64)?] = Array(repeating: nil, count: Page.allCases.count)

    /// - Parameter now: milliseconds.
    mutating func text(of page: Page, now: UInt64, make: () -> [UInt8]) -> [UInt8] {
        if let kept = texts[page.rawValue], now < kept.madeAt + 1000 { return kept.text }
        let text = make()
        texts[page.rawValue] = (text, now)
        return text
    }

    mutating func clear() { texts = Array(repeating: nil, count: Page.allCases.count) }
}

extension TrackerLoop {
    /// Swarms that the pages name.
    private var namedSwarms: Int { 100 }

    func text(of page: Page) -> [UInt8] {
        pages.text(of: page, now: now) {
            let facts = PageFacts(
                uptimeSeconds: Int(clamping: (now - startedAt) / 1000), interval: configuration.interval,
                totals: store.totals, counters: counters, openConnections: connections.count,
                allowedSwarms: allowedSwarms, biggest: page == .metrics ? [] : store.biggestSwarms(namedSwarms))
            return switch page {
            case .html: Array(StatsPage.html(facts).utf8)
            case .json: Array(StatsPage.json(facts).utf8)
            case .metrics: Array(TrackerMetrics.text(facts).utf8)
            }
        }
    }
}
