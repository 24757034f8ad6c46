import JSON

/// An event at a node. An agent numbers its events over the lifetime of its key, and sends each one until control has
/// acknowledged that it is durable.
package struct AgentEvent: WireMessage {
    package let number: UInt64
    package let job: String
    package let attempt: Int64
    /// The node's clock, in seconds since 1970.
    package let time: Double
    package let report: JobMachine.Report
    /// What went wrong, for people, if the report has a code.
    package let detail: String?
    /// The receipt, a JWS in compact form. Present with a report that ends an attempt.
    package let receipt: String?
    /// What has been received so far.
    package let sources: BytesBySource

    package init(
        number: UInt64, job: String, attempt: Int64, time: Double, report: JobMachine.Report, detail: String? = nil,
        receipt: String? = nil, sources: BytesBySource = BytesBySource()
    ) {
        self.number = number
        self.job = job
        self.attempt = attempt
        self.time = time
        self.report = report
        self.detail = detail
        self.receipt = receipt
        self.sources = sources
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
        guard let sources = BytesBySource(text: try reader.optionalText("sources", most: 64) ?? "") else {
            throw WireProblem("sources", "are not three numbers")
        }
        self.sources = sources
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
        object.put("sources", sources.isEmpty ? nil : sources.text)
        return .object(object)
    }
}

extension JobMachine.Report {
    /// The report's name in an event.
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

    /// The reports that an agent may send. Control itself finds out that a node is away, back or drained.
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
