import JSON

/// `POST /agent/v1/sync`: an agent reports events and asks for commands. Control answers at once if it has commands,
/// and otherwise when the interval is over. It acknowledges events only when they are durable.
///
/// Replies: 200 ``SyncReply``; 403 `revoked`; 409 `replayed` or `cloned`; 503 if control cannot reach its database.
package struct SyncRequest: WireMessage {
    /// Maximum bytes of unacknowledged events that an agent keeps.
    package static let mostEventBytes = 16 << 20
    /// Maximum number of events in one request. Further events go into the next request.
    package static let mostEvents = 512
    /// Limits of the whole request as JSON.
    package static let limits = JSONLimits(maxBytes: 17 << 20, maxDepth: 32, maxValues: 300_000)

    /// Counts from 1 for each key, and never decreases.
    package let number: UInt64
    /// A random id. An agent repeats it only if it did not get the answer.
    package let request: String
    /// The nonce of the last answer.
    package let nonce: String
    /// The node's clock, in seconds since 1970.
    package let time: Double
    /// Present in the first request after a start, and when something has changed.
    package let facts: HostFacts?
    /// Where it is another than it was.
    package let moment: HostMoment?
    package let events: [AgentEvent]
    /// The progress of running jobs.
    package let figures: [JobFigures]
    /// Ids of commands that the agent has accepted since the last answer. Control does not send them again.
    package let taken: [String]
    /// Whether control may hold the request until it has commands. False if the agent only reports.
    package let waits: Bool

    package init(
        number: UInt64, request: String, nonce: String, time: Double, facts: HostFacts? = nil,
        events: [AgentEvent] = [], figures: [JobFigures] = [], taken: [String] = [], waits: Bool = true,
        moment: HostMoment? = nil
    ) {
        self.moment = moment
        self.number = number
        self.request = request
        self.nonce = nonce
        self.time = time
        self.facts = facts
        self.events = events
        self.figures = figures
        self.taken = taken
        self.waits = waits
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        number = UInt64(try reader.integer("number", in: 1...Int64.max))
        request = try reader.text("request", most: 64)
        nonce = try reader.optionalText("nonce", most: 64) ?? ""
        time = try reader.number("time")
        facts = try reader.message("facts")
        moment = try reader.message("moment")
        events = try reader.messages("events", most: Self.mostEvents)
        figures = try reader.messages("figures", most: 1000)
        taken = try reader.texts("taken", most: 4096, bytes: 128)
        waits = try reader.flag("waits", default: true)
    }

    package var json: JSONValue {
        var object = JSONObject([
            "number": .integer(Int64(clamping: number)), "request": .string(request), "nonce": .string(nonce),
            "time": .double(time),
        ])
        object.put("facts", message: facts)
        object.put("moment", message: moment)
        object.put("events", messages: events)
        object.put("figures", messages: figures)
        object.put("taken", texts: taken)
        if !waits { object["waits"] = false }
        return .object(object)
    }
}
