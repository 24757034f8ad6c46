import JSON

/// What changes at a host all the time: said with a request where it is another than before. Control keeps it in memory.
package struct HostMoment: WireMessage {
    package static let mostTasks = 200

    /// Free bytes below each root of ``HostPolicy/roots``, in their order.
    package let free: [Int64]
    /// Seconds that its local time is ahead of UTC.
    package let utcOffset: Int64?
    /// Of a delivery node in the same process: shown, and never changed from here.
    package let tasks: [HostTask]

    package init(free: [Int64] = [], utcOffset: Int64? = nil, tasks: [HostTask] = []) {
        self.free = free
        self.utcOffset = utcOffset
        self.tasks = tasks
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        free = try reader.list("free", most: HostPolicy.mostRoots) { value throws(WireProblem) in
            guard case .integer(let bytes) = value, bytes >= 0 else {
                throw WireProblem("free", "is no number of bytes")
            }
            return bytes
        }
        utcOffset = try reader.optionalInteger("utc_offset", in: -172_800...172_800)
        tasks = try reader.messages("tasks", most: Self.mostTasks)
    }

    package var json: JSONValue {
        var object = JSONObject()
        if !free.isEmpty { object["free"] = .array(free.map(JSONValue.integer)) }
        object.put("utc_offset", utcOffset)
        object.put("tasks", messages: tasks)
        return .object(object)
    }
}

/// A BFT task of a host, as its delivery node shows it.
package struct HostTask: WireMessage {
    /// `SUBDIR-NAME.task.json`.
    package let name: String
    /// `send` or `receive`.
    package let direction: String
    /// The directory that it is in: `downloading`, `uploaded`.
    package let state: String
    /// Bytes that are here, and of all; nil where nobody counts them now.
    package let done: Int64?
    package let total: Int64?
    /// Bytes a second.
    package let rate: Double?
    /// What a person should know.
    package let detail: String?

    package init(
        name: String, direction: String, state: String, done: Int64? = nil, total: Int64? = nil, rate: Double? = nil,
        detail: String? = nil
    ) {
        self.name = name
        self.direction = direction
        self.state = state
        self.done = done
        self.total = total
        self.rate = rate
        self.detail = detail
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        name = try reader.text("name", most: 512)
        direction = try reader.text("direction", most: 16)
        state = try reader.text("state", most: 32)
        done = try reader.optionalInteger("done")
        total = try reader.optionalInteger("total")
        rate = try reader.optionalNumber("rate")
        detail = try reader.optionalText("detail", most: 1024)
    }

    package var json: JSONValue {
        var object = JSONObject(["name": .string(name), "direction": .string(direction), "state": .string(state)])
        object.put("done", done)
        object.put("total", total)
        object.put("rate", rate)
        object.put("detail", detail)
        return .object(object)
    }
}
