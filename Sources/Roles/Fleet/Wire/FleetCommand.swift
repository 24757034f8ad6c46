import JSON

/// A command of control to an agent. An agent that gets a command twice, recognised by its id, carries it out once.
package struct FleetCommand: WireMessage {
    package enum Action: Sendable, Hashable {
        /// Receive a job's content.
        case offer(JobOffer)
        /// Publish the content, now or at a time of control's clock, in seconds since 1970.
        case switches(at: Double?)
        case pause
        case resume
        /// Cancel the job on this node: remove unfinished content, and keep what is published.
        case cancel
        /// The job has ended on all nodes: stop seeding.
        case end
        /// Send content of this host, as ordered over the API. The agent's configuration file decides whether it does.
        case send(SendOrder)
        /// Roll back: publish again the content of another job, which is still on disk as a version.
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
