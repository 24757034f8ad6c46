import JSON

/// An order to send content: `POST /agent/v1/jobs` by the sender's agent, or a command to a node that was ordered over
/// the API.
package struct SendOrder: WireMessage {
    package let className: String
    /// Path of the content on the sender's host.
    package let path: String
    package let exclude: [String]
    /// Name of the content at the targets; nil for the path's last component.
    package let name: String?
    /// Selection expressions that narrow the class's targets.
    package let to: [String]
    /// Times as people write them, see ``FleetClass/deadline``.
    package let at: String?
    package let deadline: String?
    package let priority: Int64?
    /// The local user who sends, for the audit log; nil for an order over the API.
    package let user: String?
    /// For an order over the API: the job that control has already created.
    package let job: String?

    package init(
        className: String, path: String, exclude: [String] = [], name: String? = nil, to: [String] = [],
        at: String? = nil, deadline: String? = nil, priority: Int64? = nil, user: String? = nil, job: String? = nil
    ) {
        self.className = className
        self.path = path
        self.exclude = exclude
        self.name = name
        self.to = to
        self.at = at
        self.deadline = deadline
        self.priority = priority
        self.user = user
        self.job = job
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        className = try reader.text("class", most: 63)
        path = try reader.text("path", most: 4096)
        exclude = try reader.texts("exclude", most: 100)
        name = try reader.optionalText("name", most: 255)
        to = try reader.texts("to", most: 100, bytes: 4096)
        at = try reader.optionalText("at", most: 64)
        deadline = try reader.optionalText("deadline", most: 64)
        priority = try reader.optionalInteger("priority", in: 0...9)
        user = try reader.optionalText("user", most: 255)
        job = try reader.optionalText("job", most: 64)
    }

    package var json: JSONValue {
        var object = JSONObject(["class": .string(className), "path": .string(path)])
        object.put("exclude", texts: exclude)
        object.put("name", name)
        object.put("to", texts: to)
        object.put("at", at)
        object.put("deadline", deadline)
        object.put("priority", priority)
        object.put("user", user)
        object.put("job", job)
        return .object(object)
    }
}
