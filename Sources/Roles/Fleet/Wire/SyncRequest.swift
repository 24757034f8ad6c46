import JSON

/// `POST /agent/v1/sync`: an agent asks what there is to do, and says what happened. Control answers at once when it has
/// something, else after the interval; it acknowledges events only when they are durable.
///
/// Replies: 200 ``SyncReply``; 403 `revoked`; 409 `replayed` or `cloned`; 503 where control has no database.
package struct SyncRequest: WireMessage {
    /// An agent keeps at most this many bytes of events for control.
    package static let mostEventBytes = 16 << 20
    /// Events in one request; the rest come with the next.
    package static let mostEvents = 512
    /// Of the whole request as JSON.
    package static let limits = JSONLimits(maxBytes: 17 << 20, maxDepth: 32, maxValues: 300_000)

    /// Counts from 1 for a key, and does not go back.
    package let number: UInt64
    /// Random; the same only where the agent asks again without having had an answer.
    package let request: String
    /// The nonce of the last answer.
    package let nonce: String
    /// The node's clock, in seconds since 1970.
    package let time: Double
    /// With the first request after a start, and where something changed.
    package let facts: HostFacts?
    /// Where it is another than it was.
    package let moment: HostMoment?
    package let events: [AgentEvent]
    /// Of running jobs.
    package let figures: [JobFigures]
    /// Ids of commands that the agent has taken over since the last answer: they are not given again.
    package let taken: [String]
    /// Whether control may keep the request open until it has something: false where the agent only reports.
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
