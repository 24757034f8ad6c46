import JSON

/// The reply to `GET /agent/v1/jobs/ID`: the progress of a job, for its sender.
package struct JobView: WireMessage {
    package let state: JobState
    /// Why the job is held, or why it failed.
    package let reason: String?
    package let targets: Int64
    /// Number of targets in each state, by the state's name.
    package let counts: [String: Int64]
    /// Verified bytes on all targets together.
    package let bytes: Int64
    package let total: Int64
    /// Bytes a second that all targets together receive.
    package let down: Double
    /// Where the bytes on all targets came from.
    package let sources: BytesBySource
    /// Of the content; empty until it is known.
    package let infoHashes: [String]
    /// Targets that are late or have failed, at most 100.
    package private(set) var lines: [TargetLine]

    /// The same with as many of its lines as have at most so many bytes as JSON.
    package func limited(toLineBytes most: Int) -> JobView {
        var (view, bytes) = (self, 0)
        view.lines = Array(
            lines.prefix { line in
                bytes += line.json.encode().count + 1
                return bytes <= most
            })
        return view
    }

    package init(
        state: JobState, reason: String? = nil, targets: Int64, counts: [String: Int64], bytes: Int64, total: Int64,
        down: Double = 0, sources: BytesBySource = BytesBySource(), infoHashes: [String] = [],
        lines: [TargetLine] = []
    ) {
        self.state = state
        self.reason = reason
        self.targets = targets
        self.counts = counts
        self.bytes = bytes
        self.total = total
        self.down = down
        self.sources = sources
        self.infoHashes = infoHashes
        self.lines = lines
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        state = try reader.choice("state")
        reason = try reader.optionalText("reason")
        targets = try reader.integer("targets")
        var counts: [String: Int64] = [:]
        for member in (reader.value("counts")?.objectValue?.members ?? []).prefix(100) {
            counts[member.key] = member.value.lenientInteger
        }
        self.counts = counts
        bytes = try reader.integer("bytes")
        total = try reader.integer("total")
        down = try reader.optionalNumber("down") ?? 0
        sources = BytesBySource(text: try reader.optionalText("sources", most: 64) ?? "") ?? BytesBySource()
        infoHashes = (reader.value("info_hashes")?.arrayValue ?? []).prefix(2).compactMap(\.stringValue)
        lines = try reader.messages("lines", most: 100)
    }

    package var json: JSONValue {
        var members = JSONObject()
        for (key, count) in counts.sorted(by: { $0.key < $1.key }) { members[key] = .integer(count) }
        var object = JSONObject(["state": .string(state.rawValue)])
        object.put("reason", reason)
        object["targets"] = .integer(targets)
        object["counts"] = .object(members)
        object["bytes"] = .integer(bytes)
        object["total"] = .integer(total)
        object["down"] = .double(down)
        object.put("sources", sources.isEmpty ? nil : sources.text)
        if !infoHashes.isEmpty { object["info_hashes"] = .array(infoHashes.map(JSONValue.string)) }
        object.put("lines", messages: lines)
        return .object(object)
    }
}
