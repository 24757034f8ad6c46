import JSON

package struct SyncReply: WireMessage {
    /// Maximum number of jobs in each of its lists.
    package static let mostJobs = 1000

    package let nonce: String
    /// Control's clock, in seconds since 1970.
    package let time: Double
    /// Seconds until the agent's next sync.
    package let interval: Double
    package let state: NodeState
    /// The highest number of an event that control has stored durably; 0 for none.
    package let acknowledged: UInt64
    package let commands: [FleetCommand]
    /// URLs of all control servers, see ``JoinReply/controls``.
    package let controls: [String]
    /// Jobs whose progress somebody is watching.
    package let watched: [String]
    /// Seconds between two progress reports of those jobs. More than one if very many nodes report.
    package let every: Double
    /// The node's site according to its labels at control, for its `status`.
    package let site: String?
    /// For jobs whose class limits a site's line: what this node may receive from outside its site, in bytes a second.
    package let shares: [String: Int64]

    package init(
        nonce: String, time: Double, interval: Double, state: NodeState = .active, acknowledged: UInt64 = 0,
        commands: [FleetCommand] = [], controls: [String] = [], watched: [String] = [], every: Double = 1,
        site: String? = nil, shares: [String: Int64] = [:]
    ) {
        self.nonce = nonce
        self.time = time
        self.interval = interval
        self.state = state
        self.acknowledged = acknowledged
        self.commands = commands
        self.controls = controls
        self.watched = watched
        self.every = every
        self.site = site
        self.shares = shares
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        nonce = try reader.text("nonce", most: 64)
        time = try reader.number("time")
        interval = min(3600, max(0, try reader.number("interval")))
        state = try reader.choice("state")
        acknowledged = UInt64(try reader.optionalInteger("acknowledged") ?? 0)
        commands = try reader.messages("commands", most: 4096)
        controls = try reader.texts("controls", most: 64)
        watched = try reader.texts("watched", most: Self.mostJobs, bytes: 64)
        every = min(3600, max(0.1, try reader.optionalNumber("every") ?? 1))
        site = try reader.optionalText("site", most: 255)
        shares = try reader.counts("shares", most: Self.mostJobs, bytes: 64)
    }

    package var json: JSONValue {
        var object = JSONObject([
            "nonce": .string(nonce), "time": .double(time), "interval": .double(interval),
            "state": .string(state.rawValue),
        ])
        if acknowledged > 0 { object["acknowledged"] = .integer(Int64(clamping: acknowledged)) }
        object.put("commands", messages: commands)
        object.put("controls", texts: controls)
        object.put("watched", texts: watched)
        if every != 1 { object["every"] = .double(every) }
        object.put("site", site)
        object.put("shares", counts: shares)
        return .object(object)
    }
}
