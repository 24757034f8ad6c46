import Tracking

/// The tracker's state as HTML and as JSON. All values are numbers or hashes that the tracker formatted itself, so
/// nothing needs escaping.
enum StatsPage {
    static func json(_ facts: PageFacts) -> String {
        let totals = facts.totals
        let swarms = facts.biggest.map { swarm in
            """
            {"info_hash":"\(swarm.key)","seeds":\(swarm.counts.seeds),"leechers":\(swarm.counts.leechers),\
            "downloaders":\(swarm.counts.downloaders),"completed":\(swarm.counts.completions)}
            """
        }
        return """
            {"uptime_seconds":\(facts.uptimeSeconds),"interval_seconds":\(facts.interval),\
            "allowed_swarms":\(facts.allowedSwarms.map(String.init) ?? "null"),\
            "swarms":\(totals.swarms),"peers":\(totals.peers),"seeds":\(totals.seeds),\
            "leechers":\(totals.peers - totals.seeds),"ipv6_peers":\(totals.ipv6Peers),\
            "unreachable_peers":\(totals.unreachablePeers),"completed":\(totals.completions),\
            "expired":\(totals.expirations),"http_announces":\(facts.counters.httpAnnounces),\
            "udp_announces":\(facts.counters.udpAnnounces),"http_scrapes":\(facts.counters.httpScrapes),\
            "udp_scrapes":\(facts.counters.udpScrapes),"http_connections":\(facts.openConnections),\
            "biggest_swarms":[\(swarms.joined(separator: ","))]}

            """
    }

    static func html(_ facts: PageFacts) -> String {
        let totals = facts.totals
        let counters = facts.counters
        let rows = facts.biggest.map { swarm in
            """
            <tr><td><code>\(swarm.key)</code></td><td>\(grouped(swarm.counts.seeds))</td>\
            <td>\(grouped(swarm.counts.leechers))</td><td>\(grouped(swarm.counts.completions))</td></tr>
            """
        }
        let table =
            rows.isEmpty
            ? "<p class=\"note\">No peers yet. Point a torrent's announce URL at this tracker's /announce.</p>"
            : """
            <table><thead><tr><th>Info hash</th><th>Seeds</th><th>Leechers</th><th>Completed</th></tr></thead>
            <tbody>\(rows.joined(separator: "\n"))</tbody></table>
            """
        let note =
            totals.swarms > facts.biggest.count
            ? "<p class=\"note\">The \(grouped(facts.biggest.count)) biggest of \(grouped(totals.swarms)).</p>" : ""
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>Swoop tracker</title>
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <style>\(style)</style></head><body>
            <h1>Swoop tracker</h1>
            <p class="note">Up \(duration(facts.uptimeSeconds)) · announce every \(duration(facts.interval)) · \
            \(facts.allowedSwarms.map { "\(grouped($0)) swarms allowed" } ?? "open to any torrent")</p>
            <section class="tiles">
            \(tile("Swarms", totals.swarms))\(tile("Peers", totals.peers))\(tile("Seeds", totals.seeds))\
            \(tile("Leechers", totals.peers - totals.seeds))\(tile("Unreachable", totals.unreachablePeers))\
            \(tile("Over IPv6", totals.ipv6Peers))\(tile("Completed", totals.completions))
            </section>
            <h2>Requests since the start</h2>
            <table><thead><tr><th></th><th>Announces</th><th>Scrapes</th><th>Refused</th></tr></thead><tbody>
            <tr><td>HTTP</td><td>\(grouped(counters.httpAnnounces))</td><td>\(grouped(counters.httpScrapes))</td>\
            <td>\(grouped(counters.httpRefusals))</td></tr>
            <tr><td>UDP</td><td>\(grouped(counters.udpAnnounces))</td><td>\(grouped(counters.udpScrapes))</td>\
            <td>\(grouped(counters.udpRefusals))</td></tr>
            </tbody></table>
            <h2>Swarms</h2>
            \(table)\(note)
            <p class="note">For programs: <a href="/stats?format=json">JSON</a>, \
            <a href="/metrics">Prometheus metrics</a>.</p>
            </body></html>

            """
    }

    private static let style = """
        :root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;\
        padding:0 1rem}h1{margin-bottom:0}h2{margin-top:2rem;font-size:1.1rem}.note{opacity:.7}\
        .tiles{display:flex;flex-wrap:wrap;gap:.75rem}.tiles div{border:1px solid #8885;border-radius:.5rem;\
        padding:.5rem 1rem;min-width:6rem}.tiles b{display:block;font-size:1.4rem;font-variant-numeric:tabular-nums}\
        table{border-collapse:collapse;width:100%}th,td{padding:.3rem .6rem;border-bottom:1px solid #8884;\
        text-align:right;font-variant-numeric:tabular-nums}th:first-child,td:first-child{text-align:left}\
        code{font-size:.85rem;overflow-wrap:anywhere}
        """

    private static func tile(_ name: String, _ value: Int) -> String {
        "<div>\(name)<b>\(grouped(value))</b></div>\n"
    }

    /// 1234567 as 1,234,567.
    static func grouped(_ value: Int) -> String {
        var result = ""
        let digits = Array(String(value))
        for (index, digit) in digits.enumerated() {
            if index > 0, digit.isNumber, digits[index - 1].isNumber, (digits.count - index) % 3 == 0 { result += "," }
            result.append(digit)
        }
        return result
    }

    /// The two largest units of a duration.
    static func duration(_ seconds: Int) -> String {
        let units = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")]
        var rest = max(0, seconds)
        var parts: [String] = []
        for (size, name) in units {
            let count = rest / size
            rest %= size
            if count > 0 { parts.append("\(count) \(name)") }
        }
        return parts.isEmpty ? "0 s" : parts.prefix(2).joined(separator: " ")
    }
}
