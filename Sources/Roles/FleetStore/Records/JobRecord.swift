import Address
import Fleet
import JSON

/// A stored job. Its targets are stored separately.
package struct JobRecord: Sendable, Hashable {
    package let id: String
    package let className: String
    package let classVersion: Int
    package var state: JobState
    /// The order that created the job.
    package let order: SendOrder
    package let sender: NodeID
    /// For the audit log: the name of an API token or of a user on the sender's host.
    package let who: String
    /// The content's name at targets.
    package let name: String
    package var content: JobContent?
    /// SHA-256 over the checksums of all files at the sender, see ``StartRequest/sums``.
    package var sums: String?
    /// Addresses at which peers can dial the sender.
    package var addresses: [PeerAddress] = []
    package var caches: [NodeID] = []
    /// Seconds since 1970.
    package var deadline: Double?
    package var expires: Double = 0
    package let priority: Int
    package var course: JobMachine.Header?
    /// Why the job failed before it started.
    package var reason: String?
    /// For a rollback: the job whose content this one publishes again.
    package var restores: String?
    package let made: Double
    package var started: Double?
    package var ended: Double?
    package var revision: Int64 = 0
    /// The swarm's secret and other values derived from the job's one-time key, sealed.
    package var sealed: [UInt8]?

    package init(
        id: String, className: String, classVersion: Int, order: SendOrder, sender: NodeID, who: String, name: String,
        priority: Int, made: Double
    ) {
        self.id = id
        self.className = className
        self.classVersion = classVersion
        state = .planned
        self.order = order
        self.sender = sender
        self.who = who
        self.name = name
        self.priority = priority
        self.made = made
    }

    init?(_ row: StoreRow) {
        // id, class, state, doc, course, sealed, revision, at, ended
        guard let id = row.text(0), let className = row.text(1), let state = row.text(2).flatMap(JobState.init),
            let doc = row.json(3), let revision = row.int(6), let made = row.time(7),
            let version = doc["version"]?.lenientInteger,
            let order = doc["order"].flatMap({ try? SendOrder(json: $0) }),
            let sender = doc["sender"]?.stringValue.flatMap(NodeID.init)
        else { return nil }
        self.init(
            id: id, className: className, classVersion: Int(clamping: version), order: order, sender: sender,
            who: doc["who"]?.stringValue ?? "", name: doc["name"]?.stringValue ?? "",
            priority: Int(clamping: doc["priority"]?.lenientInteger ?? 5), made: made)
        self.state = state
        content = doc["content"].flatMap { try? JobContent(json: $0) }
        sums = doc["sums"]?.stringValue
        addresses = (doc["addresses"]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap { PeerAddress($0) } }
        caches = (doc["caches"]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap(NodeID.init) }
        deadline = doc["deadline"]?.number
        expires = doc["expires"]?.number ?? 0
        reason = doc["reason"]?.stringValue
        restores = doc["restores"]?.stringValue
        started = doc["started"]?.number
        course = row.json(4).flatMap(JobMachine.Header.init)
        sealed = row.bytes(5)
        self.revision = revision
        ended = row.time(8)
    }

    var doc: String {
        var object = JSONObject([
            "version": .integer(Int64(classVersion)), "order": order.json, "sender": .string(sender.description),
            "who": .string(who), "name": .string(name), "priority": .integer(Int64(priority)),
            "expires": .double(expires),
        ])
        if let content { object["content"] = content.json }
        if let sums { object["sums"] = .string(sums) }
        if !addresses.isEmpty { object["addresses"] = .array(addresses.map { .string($0.description) }) }
        if !caches.isEmpty { object["caches"] = .array(caches.map { .string($0.description) }) }
        if let deadline { object["deadline"] = .double(deadline) }
        if let reason { object["reason"] = .string(reason) }
        if let restores { object["restores"] = .string(restores) }
        if let started { object["started"] = .double(started) }
        return JSONValue.object(object).text
    }
}

/// A stored target of a job.
package struct TargetRecord: Sendable, Hashable {
    package var target: JobMachine.Target
    /// Why the target failed, for people.
    package var detail: String?
    /// When the target last changed, in seconds since 1970.
    package var at: Double
    package var revision: Int64
    /// What it had received when it last changed.
    package var sources: BytesBySource

    package init(
        target: JobMachine.Target, detail: String? = nil, at: Double, revision: Int64 = 0,
        sources: BytesBySource = BytesBySource()
    ) {
        self.target = target
        self.detail = detail
        self.at = at
        self.revision = revision
        self.sources = sources
    }

    package var shown: JobSnapshot.Detail {
        JobSnapshot.Detail(text: detail, at: at, revision: revision, sources: sources)
    }

    init?(_ row: StoreRow) {
        // node, wave, state, code, attempt, may_switch, away, retries, detail, at, revision, sources
        guard let node = row.text(0).flatMap(NodeID.init), let wave = row.int(1),
            let state = row.text(2).flatMap({ TargetState(name: $0, code: row.text(3)) }), let attempt = row.int(4),
            let retries = row.int(7), let at = row.time(9), let revision = row.int(10)
        else { return nil }
        target = JobMachine.Target(
            node: node, wave: Int(clamping: wave), state: state, attempt: Int(clamping: attempt),
            maySwitch: row.flag(5), isAway: row.flag(6), retries: Int(clamping: retries))
        target.wait(from: at)
        detail = row.text(8)
        self.at = at
        self.revision = revision
        sources = row.text(11).flatMap(BytesBySource.init(text:)) ?? BytesBySource()
    }
}
