import Address
import JSON
import Settings

/// The properties of an agent's host. Sent with the first sync after each start, and when something has changed.
package struct HostFacts: WireMessage {
    package var name: String
    package var os: String
    package var arch: String
    package var version: String
    package var timeZone: String
    /// The addresses of the host's interfaces with the port for peers; empty if peers cannot dial it (`listen: none`).
    package var addresses: [PeerAddress]
    /// Labels in the agent's configuration file. Control stores them with the prefix `host/`.
    package var labels: Labels
    package var policy: HostPolicy
    /// Free bytes on the disk of each of ``HostPolicy/roots``, in the same order.
    package var free: [Int64]
    /// Seconds that its local time is ahead of UTC now; nil of an agent that does not say it.
    package var utcOffset: Int64?

    package init(
        name: String, os: String = "", arch: String = "", version: String = "", timeZone: String = "",
        addresses: [PeerAddress] = [], labels: Labels = Labels(), policy: HostPolicy = HostPolicy(), free: [Int64] = [],
        utcOffset: Int64? = nil
    ) {
        self.utcOffset = utcOffset
        self.name = name
        self.os = os
        self.arch = arch
        self.version = version
        self.timeZone = timeZone
        self.addresses = addresses
        self.labels = labels
        self.policy = policy
        self.free = free
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        name = try reader.text("name", most: 63)
        guard LabelKey.isValid(name), !name.contains("/") else { throw WireProblem("name", "is no name of a node") }
        os = try reader.optionalText("os", most: 64) ?? ""
        arch = try reader.optionalText("arch", most: 64) ?? ""
        version = try reader.optionalText("version", most: 64) ?? ""
        timeZone = try reader.optionalText("tz", most: 64) ?? ""
        addresses = try reader.list("addresses", most: 32) { value throws(WireProblem) in try Self.address(value) }
        var labels = Labels()
        if let object = reader.value("labels")?.objectValue {
            for member in object.members {
                do throws(LabelProblem) { try labels.set(member.key, member.value.stringValue ?? "") } catch {
                    throw WireProblem("labels", error.description)
                }
            }
        }
        self.labels = labels
        policy = try reader.message("policy") ?? HostPolicy()
        utcOffset = try reader.optionalInteger("utc_offset", in: -172_800...172_800)
        free = try reader.list("free", most: HostPolicy.mostRoots) { value throws(WireProblem) in
            guard case .integer(let bytes) = value, bytes >= 0 else {
                throw WireProblem("free", "is no number of bytes")
            }
            return bytes
        }
    }

    static func address(_ value: JSONValue) throws(WireProblem) -> PeerAddress {
        guard let text = value.stringValue, let address = PeerAddress(text) else {
            throw WireProblem("addresses", "has an element that is no ADDRESS:PORT")
        }
        return address
    }

    package var json: JSONValue {
        var object = JSONObject(["name": .string(name)])
        object.put("os", os)
        object.put("arch", arch)
        object.put("version", version)
        object.put("tz", timeZone)
        object.put("addresses", texts: addresses.map(\.description))
        if !labels.values.isEmpty {
            var members = JSONObject()
            for (key, value) in labels.values.sorted(by: { $0.key < $1.key }) { members[key] = .string(value) }
            object["labels"] = .object(members)
        }
        if let utcOffset { object["utc_offset"] = .integer(utcOffset) }
        object["policy"] = policy.json
        if !free.isEmpty { object["free"] = .array(free.map(JSONValue.integer)) }
        return .object(object)
    }
}

/// The limits in an agent's configuration file, for dry runs and selection at control. The agent itself enforces them.
package struct HostPolicy: WireMessage {
    package static let mostRoots = 64

    /// Directories below which content may be published. If empty, the host receives nothing.
    package var roots: [String]
    /// Names of the classes that it accepts; empty for all.
    package var classes: [String]
    package var overwrite: Bool
    /// Bytes to keep free on the disk.
    package var reserve: Int64
    /// Maximum size of content in bytes; nil for no limit.
    package var largest: Int64?
    /// Maximum number of simultaneous jobs.
    package var parallel: Int64
    /// Names of the hooks that classes may call.
    package var hooks: [String]
    /// Directories from which the host may send. If empty, it sends nothing.
    package var sendRoots: [String]
    /// Whether the host stores content for others without publishing it (`cache`).
    package var caches: Bool
    /// Hours of transfer, in local time; none: always.
    package var windows: [FleetWindow] = []

    package init(
        roots: [String] = [], classes: [String] = [], overwrite: Bool = false, reserve: Int64 = 0,
        largest: Int64? = nil, parallel: Int64 = 2, hooks: [String] = [], sendRoots: [String] = [], caches: Bool = false
    ) {
        self.roots = roots
        self.classes = classes
        self.overwrite = overwrite
        self.reserve = reserve
        self.largest = largest
        self.parallel = parallel
        self.hooks = hooks
        self.sendRoots = sendRoots
        self.caches = caches
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        roots = try reader.texts("roots", most: Self.mostRoots)
        classes = try reader.texts("classes", most: 1000, bytes: 63)
        overwrite = try reader.flag("overwrite")
        reserve = try reader.optionalInteger("reserve") ?? 0
        largest = try reader.optionalInteger("max_size")
        parallel = try reader.optionalInteger("parallel") ?? 2
        hooks = try reader.texts("hooks", most: 1000, bytes: 63)
        sendRoots = try reader.texts("send_roots", most: Self.mostRoots)
        caches = try reader.flag("caches")
        windows = try reader.list("windows", most: 100) { value throws(WireProblem) in
            do throws(SettingsError) { return try FleetWindow(json: value) } catch {
                throw WireProblem("windows", "has an element that is none: \(error)")
            }
        }
    }

    package var json: JSONValue {
        var object = JSONObject()
        object.put("roots", texts: roots)
        object.put("classes", texts: classes)
        object.put("overwrite", flag: overwrite)
        object.put("reserve", reserve)
        object.put("max_size", largest)
        object.put("parallel", parallel)
        object.put("hooks", texts: hooks)
        object.put("send_roots", texts: sendRoots)
        object.put("caches", flag: caches)
        if !windows.isEmpty { object["windows"] = .array(windows.map(\.json)) }
        return .object(object)
    }
}
