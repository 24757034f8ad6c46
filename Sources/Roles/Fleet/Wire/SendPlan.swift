import JSON

/// The reply to `POST /agent/v1/jobs`: the job is planned, and the sender hashes the content next. With `?dry_run=true`
/// control creates no job, and `job` is empty.
package struct SendPlan: WireMessage {
    package let job: String
    package let classVersion: Int64
    /// The keys of the class that concern the sender: `include`, `exclude`, `block`, `check`, `verify`, `isolation`,
    /// `sources`, `limits`, `sendfile`, `windows`.
    package let terms: JSONValue
    package let targets: Int64
    package let caches: Int64
    /// Number of targets that would refuse, by the key in their own configuration file that forbids the job.
    package let refusals: [String: Int64]
    /// Number of targets that are away now.
    package let away: Int64

    package init(
        job: String, classVersion: Int64, terms: JSONValue, targets: Int64, caches: Int64 = 0,
        refusals: [String: Int64] = [:], away: Int64 = 0
    ) {
        self.job = job
        self.classVersion = classVersion
        self.terms = terms
        self.targets = targets
        self.caches = caches
        self.refusals = refusals
        self.away = away
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        job = try reader.text("job", most: 64)
        classVersion = try reader.integer("version", in: 1...Int64.max)
        terms = reader.value("terms") ?? [:]
        targets = try reader.integer("targets")
        caches = try reader.optionalInteger("caches") ?? 0
        var refusals: [String: Int64] = [:]
        for member in (reader.value("refusals")?.objectValue?.members ?? []).prefix(100) {
            refusals[member.key] = member.value.lenientInteger
        }
        self.refusals = refusals
        away = try reader.optionalInteger("away") ?? 0
    }

    package var json: JSONValue {
        var object = JSONObject([
            "job": .string(job), "version": .integer(classVersion), "terms": terms, "targets": .integer(targets),
            "caches": .integer(caches), "away": .integer(away),
        ])
        if !refusals.isEmpty {
            var members = JSONObject()
            for (key, count) in refusals.sorted(by: { $0.key < $1.key }) { members[key] = .integer(count) }
            object["refusals"] = .object(members)
        }
        return .object(object)
    }
}
