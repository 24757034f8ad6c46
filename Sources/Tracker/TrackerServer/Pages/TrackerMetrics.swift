import MetricFamilies
import Tracking

/// The tracker's metrics in the Prometheus text format. No label has a value from outside, so the number of series is
/// fixed.
enum TrackerMetrics {
    static func text(_ facts: PageFacts) -> String {
        let totals = facts.totals
        let counters = facts.counters
        var families: [MetricFamily] = []
        func family(_ name: String, _ kind: MetricFamily.Kind, _ help: String, _ value: Int) {
            families.append(MetricFamily("swoop_tracker_\(name)", kind, help, Double(value)))
        }
        func family(
            _ name: String, _ kind: MetricFamily.Kind, _ help: String, by label: String, _ values: [(String, Int)]
        ) {
            families.append(
                MetricFamily(
                    name: "swoop_tracker_\(name)", kind: kind, help: help,
                    samples: values.map { MetricFamily.Sample(labels: [(label, $0.0)], value: Double($0.1)) }))
        }
        family("uptime_seconds", .gauge, "Seconds since the start.", facts.uptimeSeconds)
        family(
            "store_up", .gauge, "1 if the peers that several trackers share are known; 1 for a tracker of its own.",
            facts.isStoreUp ? 1 : 0)
        family("swarms", .gauge, "Swarms with peers.", totals.swarms)
        family(
            "peers", .gauge, "Peers by what they have.",
            by: "state", [("seed", totals.seeds), ("leecher", totals.peers - totals.seeds)])
        family("ipv6_peers", .gauge, "Peers that announce over IPv6.", totals.ipv6Peers)
        family("unreachable_peers", .gauge, "Peers that take no connections.", totals.unreachablePeers)
        family("completions_total", .counter, "Peers that completed their content.", totals.completions)
        family("expired_peers_total", .counter, "Peers that stopped announcing.", totals.expirations)
        family("evicted_peers_total", .counter, "Peers forgotten to make room for others.", totals.evictions)
        family(
            "announces_total", .counter, "Announces by protocol.",
            by: "protocol", [("http", counters.httpAnnounces), ("udp", counters.udpAnnounces)])
        family(
            "announces_by_family_total", .counter, "Announces by IP version.",
            by: "family", [("ipv4", counters.ipv4Announces), ("ipv6", counters.ipv6Announces)])
        family(
            "scrapes_total", .counter, "Scrapes by protocol.",
            by: "protocol", [("http", counters.httpScrapes), ("udp", counters.udpScrapes)])
        family(
            "refusals_total", .counter, "Requests that were answered with an error.",
            by: "protocol", [("http", counters.httpRefusals), ("udp", counters.udpRefusals)])
        family("udp_connects_total", .counter, "Connection ids given out.", counters.udpConnects)
        family("udp_dropped_total", .counter, "Datagrams that were no request.", counters.udpDropped)
        family("udp_unsent_total", .counter, "Answers that could not be sent.", counters.udpUnsent)
        family("http_connections", .gauge, "HTTP connections open between requests.", facts.openConnections)
        family("http_connections_total", .counter, "HTTP connections accepted.", counters.httpConnections)
        family("http_timeouts_total", .counter, "HTTP connections closed as too slow.", counters.httpTimeouts)
        family(
            "http_turned_away_total", .counter, "HTTP connections closed to make place for others.",
            counters.httpTurnedAway)
        if let allowed = facts.allowedSwarms {
            family("allowed_swarms", .gauge, "Info hashes on the allow-list.", allowed)
        }
        return MetricsPage.text(families)
    }
}
