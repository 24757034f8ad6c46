import Fleet
import JSON
import Text

/// The stored state of a job that this host sends.
package struct SendRecord: Sendable, Hashable {
    package let job: String
    package let order: SendOrder
    package let classVersion: Int64
    package let terms: JSONValue
    /// The path of the content, with all symbolic links resolved.
    package let path: String
    /// The number of targets when the job was ordered; 0 in records of earlier versions.
    package let targets: Int64
    /// The job has started, so peers may fetch the content.
    package var hasStarted = false
    package var isOver = false
    package var secret: Secret?
    /// With which the job is started: written down before it is, so that the next agent sends the same request.
    package var start: StartRequest?
    package var trackers: [String] = []

    package init(
        job: String, order: SendOrder, classVersion: Int64, terms: JSONValue, path: String, targets: Int64 = 0
    ) {
        self.job = job
        self.order = order
        self.classVersion = classVersion
        self.terms = terms
        self.path = path
        self.targets = targets
    }

    private static let manyTargets = 24

    /// Whether this host sends each piece once, and the targets give it to each other from then on, as long as that comes. Many take no
    /// longer with that, and this host sends one copy in place of two and a half (40 to 100 targets on two processors). Few give each
    /// other enough without it.
    package var leavesCopiesToTargets: Bool {
        guard targets >= Self.manyTargets else { return false }
        return (try? SentContent.Terms(terms))?.peerToPeer ?? true
    }

    package var json: JSONValue {
        var object = JSONObject([
            "job": .string(job), "order": order.json, "version": .integer(classVersion), "terms": terms,
            "path": .string(path), "targets": .integer(targets), "started": .bool(hasStarted), "over": .bool(isOver),
            "trackers": .array(trackers.map(JSONValue.string)),
        ])
        object.set("secret", secret?.value)
        if let start { object["start"] = start.json }
        return .object(object)
    }

    package init(json: JSONValue) throws(WireProblem) {
        let reader = try WireReader(json, "the record")
        guard let order: SendOrder = try reader.message("order") else { throw WireProblem("order", "is missing") }
        let job = try reader.text("job", most: 64)
        guard TargetRecord.isName(job) else { throw WireProblem("job", "is no name of a job") }
        self.init(
            job: job, order: order, classVersion: try reader.integer("version"), terms: reader.value("terms") ?? [:],
            path: try reader.text("path", most: 4096), targets: try reader.optionalInteger("targets") ?? 0)
        hasStarted = try reader.flag("started")
        isOver = try reader.flag("over")
        secret = try reader.optionalText("secret", most: 64).map(Secret.init)
        trackers = try reader.texts("trackers", most: 16)
        start = try reader.message("start")
    }
}
