import Tracking

/// Pages that people and monitoring programs read.
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

/// The values that the pages show.
struct PageFacts {
    var uptimeSeconds: Int
    var interval: Int
    var totals: StoreTotals
    var counters: Counters
    var openConnections: Int
    /// Whether the store that several trackers share answers; true for a tracker of its own.
    var isStoreUp = true
    /// Number of swarms on the allow-list; nil if there is no list.
    var allowedSwarms: Int?
    var biggest: [(key: SwarmKey, counts: SwarmCounts)]
}

/// Caches the last text of each page for a second: building one examines every swarm, and many requests must not
/// multiply the cost.
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
    /// Number of swarms that the pages list.
    private var namedSwarms: Int { 100 }

    func text(of page: Page) -> [UInt8] {
        pages.text(of: page, now: now) {
            let facts = PageFacts(
                uptimeSeconds: Int(clamping: (now - startedAt) / 1000), interval: configuration.interval,
                totals: store.totals, counters: counters, openConnections: connections.count,
                isStoreUp: shared?.isUp ?? true, allowedSwarms: allowedSwarms,
                biggest: page == .metrics || configuration.origins?.hidesSwarms() == true
                    ? [] : store.biggestSwarms(namedSwarms))
            return switch page {
            case .html: Array(StatsPage.html(facts).utf8)
            case .json: Array(StatsPage.json(facts).utf8)
            case .metrics: Array(TrackerMetrics.text(facts).utf8)
            }
        }
    }
}
