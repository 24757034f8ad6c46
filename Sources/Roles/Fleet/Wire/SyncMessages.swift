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
    package let events: [AgentEvent]
    /// Of running jobs.
    package let figures: [JobFigures]
    /// Ids of commands that the agent has taken over since the last answer: they are not given again.
    package let taken: [String]
    /// Whether control may keep the request open until it has something: false where the agent only reports.
    package let waits: Bool

    package init(
        number: UInt64, request: String, nonce: String, time: Double, facts: HostFacts? = nil,
        events: [AgentEvent] = [], figures: [JobFigures] = [], taken: [String] = [], waits: Bool = true
    ) {
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
        object.put("events", messages: events)
        object.put("figures", messages: figures)
        object.put("taken", texts: taken)
        if !waits { object["waits"] = false }
        return .object(object)
    }
}

package struct SyncReply: WireMessage {
    package let nonce: String
    /// Control's clock, in seconds since 1970.
    package let time: Double
    /// Seconds until the agent asks again.
    package let interval: Double
    package let state: NodeState
    /// The highest number of an event that is durable; 0 for none.
    package let acknowledged: UInt64
    package let commands: [FleetCommand]
    /// Doors of all controls, as of ``JoinReply``.
    package let controls: [String]
    /// Jobs whose figures somebody watches.
    package let watched: [String]
    /// Seconds between two reports of their figures: more than one where very many nodes report.
    package let every: Double
    /// The node's labels as control has them, for its `status`, and its site.
    package let site: String?

    package init(
        nonce: String, time: Double, interval: Double, state: NodeState = .active, acknowledged: UInt64 = 0,
        commands: [FleetCommand] = [], controls: [String] = [], watched: [String] = [], every: Double = 1,
        site: String? = nil
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
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        nonce = try reader.text("nonce", most: 64)
        time = try reader.number("time")
        interval = min(3600, max(0, try reader.number("interval")))
        state = try reader.choice("state")
        acknowledged = UInt64(try reader.optionalInteger("acknowledged") ?? 0)
        commands = try reader.messages("commands", most: 4096)
        controls = try reader.texts("controls", most: 64)
        watched = try reader.texts("watched", most: 1000, bytes: 64)
        every = min(3600, max(0.1, try reader.optionalNumber("every") ?? 1))
        site = try reader.optionalText("site", most: 255)
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
        return .object(object)
    }
}

/// What an agent does because control says so. A command that comes twice is done once: its id tells.
package struct FleetCommand: WireMessage {
    package enum Action: Sendable, Hashable {
        /// Receive a job's content.
        case offer(JobOffer)
        /// Make it visible, now or at a moment of control's clock, in seconds since 1970.
        case switches(at: Double?)
        case pause
        case resume
        /// The job is over here: what is unfinished is removed, what is published stays.
        case cancel
        /// The job has ended for all: stop to give.
        case end
        /// Send content of this host: an order of the API. The agent's file decides whether it does.
        case send(SendOrder)
        /// The content of another job, which lies beside, is to be visible again: a rollback.
        case restore(JobOffer, version: String)
    }

    package let id: String
    /// Empty for `send`.
    package let job: String
    package let attempt: Int64
    package let action: Action

    package init(id: String, job: String, attempt: Int64 = 1, action: Action) {
        self.id = id
        self.job = job
        self.attempt = attempt
        self.action = action
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        id = try reader.text("id", most: 128)
        job = try reader.optionalText("job", most: 64) ?? ""
        attempt = try reader.optionalInteger("attempt", in: 1...1_000_000) ?? 1
        func offer() throws(WireProblem) -> JobOffer {
            guard let offer: JobOffer = try reader.message("offer") else { throw WireProblem("offer", "is missing") }
            return offer
        }
        switch try reader.text("do", most: 32) {
        case "offer": action = .offer(try offer())
        case "switch": action = .switches(at: try reader.optionalNumber("at"))
        case "pause": action = .pause
        case "resume": action = .resume
        case "cancel": action = .cancel
        case "end": action = .end
        case "send":
            guard let order: SendOrder = try reader.message("send") else { throw WireProblem("send", "is missing") }
            action = .send(order)
        case "restore": action = .restore(try offer(), version: try reader.text("version", most: 64))
        default: throw WireProblem("do", "is no known command")
        }
    }

    package var json: JSONValue {
        var object = JSONObject(["id": .string(id)])
        if !job.isEmpty { object["job"] = .string(job) }
        if attempt != 1 { object["attempt"] = .integer(attempt) }
        switch action {
        case .offer(let offer):
            object["do"] = "offer"
            object["offer"] = offer.json
        case .switches(let moment):
            object["do"] = "switch"
            object.put("at", moment)
        case .pause: object["do"] = "pause"
        case .resume: object["do"] = "resume"
        case .cancel: object["do"] = "cancel"
        case .end: object["do"] = "end"
        case .send(let order):
            object["do"] = "send"
            object["send"] = order.json
        case .restore(let offer, let version):
            object["do"] = "restore"
            object["offer"] = offer.json
            object["version"] = .string(version)
        }
        return .object(object)
    }
}

/// What happened at a node. Events are numbered for the life of its key, and sent until control has said that they are durable.
package struct AgentEvent: WireMessage {
    package let number: UInt64
    package let job: String
    package let attempt: Int64
    /// By the node's clock, in seconds since 1970.
    package let time: Double
    package let report: JobMachine.Report
    /// For a person, where the report has a code: what went wrong.
    package let detail: String?
    /// With `done` and with a failure after the content was delivered: the receipt, a JWS in compact form.
    package let receipt: String?

    package init(
        number: UInt64, job: String, attempt: Int64, time: Double, report: JobMachine.Report, detail: String? = nil,
        receipt: String? = nil
    ) {
        self.number = number
        self.job = job
        self.attempt = attempt
        self.time = time
        self.report = report
        self.detail = detail
        self.receipt = receipt
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        number = UInt64(try reader.integer("number", in: 1...Int64.max))
        job = try reader.text("job", most: 64)
        attempt = try reader.optionalInteger("attempt", in: 1...1_000_000) ?? 1
        time = try reader.number("time")
        let code = try reader.optionalText("code", most: 128)
        guard
            let report = JobMachine.Report(
                name: try reader.text("report", most: 32), code: code, again: try reader.flag("again"))
        else { throw WireProblem("report", "is no known word") }
        self.report = report
        detail = try reader.optionalText("detail", most: 1024)
        receipt = try reader.optionalText("receipt", most: 65_536)
    }

    package var json: JSONValue {
        var object = JSONObject([
            "number": .integer(Int64(clamping: number)), "job": .string(job), "attempt": .integer(attempt),
            "time": .double(time), "report": .string(report.name),
        ])
        object.put("code", report.code)
        object.put("again", flag: report.canBeTriedAgain)
        object.put("detail", detail)
        object.put("receipt", receipt)
        return .object(object)
    }
}

extension JobMachine.Report {
    /// As an event says it.
    package var name: String {
        switch self {
        case .away: "away"
        case .back: "back"
        case .drained: "drained"
        case .accepted: "accepted"
        case .waiting: "waiting"
        case .receiving: "receiving"
        case .delivered: "delivered"
        case .switched: "switched"
        case .hookStarted: "hook"
        case .done: "done"
        case .failed: "failed"
        case .refused: "refused"
        case .hookUnknown: "hook_unknown"
        case .superseded: "superseded"
        case .cancelled: "cancelled"
        }
    }

    package var code: String? {
        switch self {
        case .waiting(let reason): reason.rawValue
        case .failed(let code, _): code
        case .refused(let key): key
        default: nil
        }
    }

    package var canBeTriedAgain: Bool {
        if case .failed(_, let again) = self { again } else { false }
    }

    /// What an agent may report of itself; that a node is away, control finds out.
    package init?(name: String, code: String?, again: Bool) {
        switch name {
        case "accepted": self = .accepted
        case "waiting":
            guard let reason = code.flatMap(TargetState.WaitReason.init(rawValue:)) else { return nil }
            self = .waiting(reason)
        case "receiving": self = .receiving
        case "delivered": self = .delivered
        case "switched": self = .switched
        case "hook": self = .hookStarted
        case "done": self = .done
        case "failed": self = .failed(code: code ?? "failed", again: again)
        case "refused": self = .refused(key: code ?? "policy")
        case "hook_unknown": self = .hookUnknown
        case "superseded": self = .superseded
        case "cancelled": self = .cancelled
        default: return nil
        }
    }
}

/// How far a job is at a node. Kept in memory at control.
package struct JobFigures: WireMessage {
    package let job: String
    /// Bytes that are verified here, and of all.
    package let done: Int64
    package let total: Int64
    /// Bytes a second over the last moments.
    package let down: Double
    package let up: Double
    /// Bytes of peers of the own site, of others, and of sources that are no peers.
    package let fromSite: Int64
    package let fromPeers: Int64
    package let fromSources: Int64
    package let peers: Int64

    package init(
        job: String, done: Int64, total: Int64, down: Double = 0, up: Double = 0, fromSite: Int64 = 0,
        fromPeers: Int64 = 0, fromSources: Int64 = 0, peers: Int64 = 0
    ) {
        self.job = job
        self.done = done
        self.total = total
        self.down = down
        self.up = up
        self.fromSite = fromSite
        self.fromPeers = fromPeers
        self.fromSources = fromSources
        self.peers = peers
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        job = try reader.text("job", most: 64)
        done = try reader.integer("done")
        total = try reader.integer("total")
        down = max(0, try reader.optionalNumber("down") ?? 0)
        up = max(0, try reader.optionalNumber("up") ?? 0)
        fromSite = try reader.optionalInteger("from_site") ?? 0
        fromPeers = try reader.optionalInteger("from_peers") ?? 0
        fromSources = try reader.optionalInteger("from_sources") ?? 0
        peers = try reader.optionalInteger("peers") ?? 0
    }

    package var json: JSONValue {
        [
            "job": .string(job), "done": .integer(done), "total": .integer(total), "down": .double(down),
            "up": .double(up), "from_site": .integer(fromSite), "from_peers": .integer(fromPeers),
            "from_sources": .integer(fromSources), "peers": .integer(peers),
        ]
    }
}
