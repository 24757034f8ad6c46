import Address
import JSON
import Text

/// A job as a target hears of it: at most 4 KiB. The metainfo comes from peers (BEP 9), and from control
/// (`GET /agent/v1/jobs/ID/metainfo`) where none gives it within 5 s.
package struct JobOffer: WireMessage {
    package static let mostPeers = 50
    /// Bytes of an offer as JSON.
    package static let most = 4096

    package let content: JobContent
    /// Of the content's file or directory, as the sender names it.
    package let name: String
    package let className: String
    package let classVersion: Int64
    /// What of the class concerns a target, as the class has it: `dest`, `publish`, `keep`, `hook`, `limits`, `windows`, `p2p`,
    /// `sendfile`, `seedinwindow`, `timeout`, `seedtime`, `check`, `verify`, `sources`.
    package let terms: JSONValue
    /// Keeps the content for others and publishes nothing.
    package let isCache: Bool
    /// 32 bytes, hexadecimal: what peers of the job know each other by; nil for `isolation: open`.
    package let secret: Secret?
    /// What this target shows at trackers.
    package let ticket: Secret?
    /// Addresses of trackers that are no controls.
    package let trackers: [String]
    package let peers: [PeerAddress]
    /// Seconds since 1970, by control's clock.
    package let deadline: Double?
    package let expires: Double
    package let priority: Int64

    package init(
        content: JobContent, name: String, className: String, classVersion: Int64, terms: JSONValue,
        isCache: Bool = false, secret: Secret? = nil, ticket: Secret? = nil, trackers: [String] = [],
        peers: [PeerAddress] = [], deadline: Double? = nil, expires: Double, priority: Int64 = 5
    ) {
        self.content = content
        self.name = name
        self.className = className
        self.classVersion = classVersion
        self.terms = terms
        self.isCache = isCache
        self.secret = secret
        self.ticket = ticket
        self.trackers = trackers
        self.peers = peers
        self.deadline = deadline
        self.expires = expires
        self.priority = priority
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        guard let content: JobContent = try reader.message("content") else {
            throw WireProblem("content", "is missing")
        }
        self.content = content
        name = try reader.text("name", most: 255)
        className = try reader.text("class", most: 63)
        classVersion = try reader.integer("version", in: 1...Int64.max)
        terms = reader.value("terms") ?? [:]
        isCache = try reader.flag("cache")
        secret = try reader.optionalText("secret", most: 64).map(Secret.init)
        ticket = try reader.optionalText("ticket", most: 128).map(Secret.init)
        trackers = try reader.texts("trackers", most: 16)
        peers = try reader.list("peers", most: Self.mostPeers) { value throws(WireProblem) in
            try HostFacts.address(value)
        }
        deadline = try reader.optionalNumber("deadline")
        expires = try reader.number("expires")
        priority = try reader.optionalInteger("priority", in: 0...9) ?? 5
    }

    package var json: JSONValue {
        var object = JSONObject([
            "content": content.json, "name": .string(name), "class": .string(className),
            "version": .integer(classVersion), "terms": terms,
        ])
        object.put("cache", flag: isCache)
        object.put("secret", secret?.value)
        object.put("ticket", ticket?.value)
        object.put("trackers", texts: trackers)
        object.put("peers", texts: peers.map(\.description))
        object.put("deadline", deadline)
        object["expires"] = .double(expires)
        object["priority"] = .integer(priority)
        return .object(object)
    }
}

extension JobContent: WireMessage {
    package init(_ reader: WireReader) throws(WireProblem) {
        let hashes = try reader.texts("info_hashes", most: 2, bytes: 64)
        guard !hashes.isEmpty, hashes.allSatisfy({ $0.utf8.count == 40 || $0.utf8.count == 64 }),
            hashes.allSatisfy({ Hexadecimal.decode($0, byteCount: $0.utf8.count / 2) != nil })
        else { throw WireProblem("info_hashes", "are no info hashes") }
        self.init(
            infoHashes: hashes.map { $0.lowercased() }, files: Int(try reader.integer("files", in: 0...10_000_000)),
            bytes: try reader.integer("bytes"))
    }

    package var json: JSONValue {
        [
            "info_hashes": .array(infoHashes.map(JSONValue.string)), "files": .integer(Int64(files)),
            "bytes": .integer(bytes),
        ]
    }
}

/// What somebody wants sent: `POST /agent/v1/jobs` by the sender's agent, or an order of the API to a node.
package struct SendOrder: WireMessage {
    package let className: String
    /// At the sender's host.
    package let path: String
    package let exclude: [String]
    /// How the content is called at targets; nil for the path's last component.
    package let name: String?
    /// Narrows the class's targets.
    package let to: [String]
    /// As people write it: see the class's `deadline`.
    package let at: String?
    package let deadline: String?
    package let priority: Int64?
    /// The local user who sends, for the audit; nil for the API.
    package let user: String?
    /// Of an order of the API: the job that it made already.
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

/// The reply to `POST /agent/v1/jobs`: the job is planned, and the sender hashes the content now. With `?dry_run=true` nothing
/// is made, and `job` is empty.
package struct SendPlan: WireMessage {
    package let job: String
    package let classVersion: Int64
    /// The class's keys that concern the sender: `include`, `exclude`, `block`, `check`, `verify`, `isolation`, `sources`,
    /// `limits`, `sendfile`, `windows`.
    package let terms: JSONValue
    package let targets: Int64
    package let caches: Int64
    /// Targets that would refuse, by the key of their own file that does not allow it.
    package let refusals: [String: Int64]
    /// Targets that are away now.
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

/// `POST /agent/v1/jobs/ID/key`: what was hashed. The reply is ``KeyReply``, the request again gives another key for the same job
/// only while none was used. Refusals: 409 with a code of ``KeyRefusal``.
package struct KeyRequest: WireMessage {
    package let content: JobContent

    package init(content: JobContent) { self.content = content }
    package init(_ reader: WireReader) throws(WireProblem) {
        guard let content: JobContent = try reader.message("content") else {
            throw WireProblem("content", "is missing")
        }
        self.content = content
    }
    package var json: JSONValue { ["content": content.json] }
}

package struct KeyReply: WireMessage {
    /// 256 bits, hexadecimal.
    package let key: Secret
    /// Seconds since 1970, by control's clock.
    package let expires: Double
    /// The targets that the key is bound to.
    package let targets: [NodeID]

    package init(key: Secret, expires: Double, targets: [NodeID]) {
        self.key = key
        self.expires = expires
        self.targets = targets
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        key = Secret(try reader.text("key", most: 64))
        expires = try reader.number("expires")
        targets = try reader.list("targets", most: 1_000_000) { value throws(WireProblem) in
            guard let node = value.stringValue.flatMap(NodeID.init) else {
                throw WireProblem("targets", "has no node's id")
            }
            return node
        }
    }

    package var json: JSONValue {
        [
            "key": .string(key.value), "expires": .double(expires),
            "targets": .array(targets.map { .string($0.description) }),
        ]
    }
}

/// `POST /agent/v1/jobs/ID/start`: the job begins. The torrent was put to `PUT /agent/v1/jobs/ID/metainfo` before (a torrent
/// file, at most 64 MiB). The reply is ``StartReply``.
package struct StartRequest: WireMessage {
    package let key: Secret
    package let content: JobContent
    package let classVersion: Int64
    package let targets: [NodeID]
    /// Where peers reach the sender.
    package let addresses: [PeerAddress]

    package init(
        key: Secret, content: JobContent, classVersion: Int64, targets: [NodeID], addresses: [PeerAddress]
    ) {
        self.key = key
        self.content = content
        self.classVersion = classVersion
        self.targets = targets
        self.addresses = addresses
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        key = Secret(try reader.text("key", most: 64))
        guard let content: JobContent = try reader.message("content") else {
            throw WireProblem("content", "is missing")
        }
        self.content = content
        classVersion = try reader.integer("version", in: 1...Int64.max)
        targets = try reader.list("targets", most: 1_000_000) { value throws(WireProblem) in
            guard let node = value.stringValue.flatMap(NodeID.init) else {
                throw WireProblem("targets", "has no node's id")
            }
            return node
        }
        addresses = try reader.list("addresses", most: 32) { value throws(WireProblem) in try HostFacts.address(value) }
    }

    package var json: JSONValue {
        var object = JSONObject([
            "key": .string(key.value), "content": content.json, "version": .integer(classVersion),
            "targets": .array(targets.map { .string($0.description) }),
        ])
        object.put("addresses", texts: addresses.map(\.description))
        return .object(object)
    }
}

package struct StartReply: WireMessage {
    /// What peers of the job know each other by; nil for `isolation: open`.
    package let secret: Secret?
    package let ticket: Secret?
    package let trackers: [String]

    package init(secret: Secret? = nil, ticket: Secret? = nil, trackers: [String] = []) {
        self.secret = secret
        self.ticket = ticket
        self.trackers = trackers
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        secret = try reader.optionalText("secret", most: 64).map(Secret.init)
        ticket = try reader.optionalText("ticket", most: 128).map(Secret.init)
        trackers = try reader.texts("trackers", most: 16)
    }

    package var json: JSONValue {
        var object = JSONObject()
        object.put("secret", secret?.value)
        object.put("ticket", ticket?.value)
        object.put("trackers", texts: trackers)
        return .object(object)
    }
}

/// `POST /agent/v1/announce`: the tracker inside each control, asked over the link. Agents announce to all controls.
package struct AnnounceRequest: WireMessage {
    package let job: String
    /// Where peers reach the node; empty where nobody can.
    package let addresses: [PeerAddress]
    package let left: Int64
    /// `started`, `completed`, `stopped`; nil for one of many.
    package let event: String?
    package let wanted: Int64

    package init(job: String, addresses: [PeerAddress], left: Int64, event: String? = nil, wanted: Int64 = 50) {
        self.job = job
        self.addresses = addresses
        self.left = left
        self.event = event
        self.wanted = wanted
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        job = try reader.text("job", most: 64)
        addresses = try reader.list("addresses", most: 32) { value throws(WireProblem) in try HostFacts.address(value) }
        left = try reader.integer("left")
        event = try reader.optionalText("event", most: 16)
        wanted = try reader.optionalInteger("wanted", in: 0...200) ?? 50
    }

    package var json: JSONValue {
        var object = JSONObject(["job": .string(job), "left": .integer(left), "wanted": .integer(wanted)])
        object.put("addresses", texts: addresses.map(\.description))
        object.put("event", event)
        return .object(object)
    }
}

package struct AnnounceReply: WireMessage {
    /// Seconds until the next.
    package let interval: Double
    package let peers: [PeerAddress]

    package init(interval: Double, peers: [PeerAddress]) {
        self.interval = interval
        self.peers = peers
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        interval = min(3600, max(1, try reader.number("interval")))
        peers = try reader.list("peers", most: 200) { value throws(WireProblem) in try HostFacts.address(value) }
    }

    package var json: JSONValue {
        ["interval": .double(interval), "peers": .array(peers.map { .string($0.description) })]
    }
}

/// `GET /agent/v1/jobs/ID`: how a job is, for the one who sends it.
package struct JobView: WireMessage {
    package let state: JobState
    /// Why it is held, or how it failed.
    package let reason: String?
    package let targets: Int64
    /// Targets by the name of their state.
    package let counts: [String: Int64]
    /// Bytes verified at all targets together.
    package let bytes: Int64
    package let total: Int64
    /// Bytes that the sender has given.
    package let down: Double
    /// Targets that are late or failed, at most 100.
    package let lines: [TargetLine]

    package init(
        state: JobState, reason: String? = nil, targets: Int64, counts: [String: Int64], bytes: Int64, total: Int64,
        down: Double = 0, lines: [TargetLine] = []
    ) {
        self.state = state
        self.reason = reason
        self.targets = targets
        self.counts = counts
        self.bytes = bytes
        self.total = total
        self.down = down
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
        object.put("lines", messages: lines)
        return .object(object)
    }
}

package struct TargetLine: WireMessage {
    package let node: String
    package let state: String
    package let code: String?
    package let text: String
    package let advice: String?

    package init(node: String, state: String, code: String?, text: String, advice: String?) {
        self.node = node
        self.state = state
        self.code = code
        self.text = text
        self.advice = advice
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        node = try reader.text("node", most: 255)
        state = try reader.text("state", most: 32)
        code = try reader.optionalText("code", most: 128)
        text = try reader.text("text")
        advice = try reader.optionalText("advice")
    }

    package var json: JSONValue {
        var object = JSONObject(["node": .string(node), "state": .string(state)])
        object.put("code", code)
        object["text"] = .string(text)
        object.put("advice", advice)
        return .object(object)
    }
}
