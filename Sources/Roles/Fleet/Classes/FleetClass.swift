import JSON
import Settings
import Text

/// A class: how one kind of content is delivered. It selects the nodes, sets the limits, and says what happens on the
/// nodes. An operator writes it. A job keeps the version of the class with which it started.
package struct FleetClass: Sendable, Hashable {
    package enum Publish: String, Sendable, Hashable, CaseIterable { case replace, versions }
    package enum CatchUp: String, Sendable, Hashable, CaseIterable { case none, latest }
    package enum Isolation: String, Sendable, Hashable, CaseIterable { case job, open }
    package enum WavesOf: String, Sendable, Hashable, CaseIterable { case `switch`, transfer }
    package enum Verify: String, Sendable, Hashable, CaseIterable { case dcp }
    package enum Check: String, Sendable, Hashable, CaseIterable { case sha1, sha256, md5, crc32c, none }

    /// 1 to 63 letters, digits and `._-`.
    package var name = ""
    package var targets = Selections([])
    package var caches = Selections([])
    /// Regular expressions for relative paths.
    package var include: [String] = []
    package var exclude: [String] = []
    /// The nodes (`node:NAME`), API tokens (`token:NAME`) and roles (`role:NAME`) that may send jobs of this class.
    package var senders: [String] = ["role:admin"]
    /// Lifetime of a job's one-time key, in seconds.
    package var keyTime = 600
    /// Directory for the content: an absolute path below one of the target's roots, or a path relative to its first
    /// root.
    package var destination = ""
    package var publish = Publish.replace
    /// Number of versions that are kept with `publish: versions`.
    package var keep = 3
    package var hook: HookCall?
    package var catchUp = CatchUp.none
    package var verify: Verify?
    package var peerToPeer = true
    /// Piece length in bytes, a power of two; nil: chosen by the size of the content.
    package var block: Int64?
    package var sendfile = true
    package var isolation = Isolation.job
    package var sources = FleetSources()
    package var limits = FleetLimits()
    package var windows: [FleetWindow] = []
    package var seedsInWindow = false
    /// Seconds without a received byte after which a target fails.
    package var timeout = 600
    /// Seconds for which caches seed after the end of a job.
    package var seedTime = 1800
    /// Seconds from the start of the job, or a time in UTC: `6h`, `2026-12-01T06:00:00Z`.
    package var deadline: String?
    /// 0 to 9. Jobs with a higher priority come first.
    package var priority = 5
    package var check = Check.sha256
    package var course = JobCourse()
    package var wavesOf = WavesOf.switch

    package init() {}

    /// Reads and checks a definition.
    /// - Throws: an error about the first key that is unknown or has an invalid value.
    package init(_ source: SettingsSource) throws(SettingsError) {
        let (read, notes) = try ClassSettings.table.read(source, into: FleetClass())
        if let note = notes.first { throw SettingsError.unknown(note) }
        self = read
        course.wavesGateTransfer = wavesOf == .transfer
        course.hasHook = hook != nil
        guard !targets.expressions.isEmpty else {
            throw SettingsError.missing("targets", "it is an expression that selects nodes, such as site=bj")
        }
        if course.switches == .together, course.waves != [.percent(100)] {
            throw SettingsError.wrong("waves", "targets that switch together are in one wave")
        }
    }
}

/// A call of a hook: the hook's name in the node's own configuration file, and arguments.
package struct HookCall: Sendable, Hashable {
    package static let mostArguments = 16

    package let name: String
    /// Passed to the hook as the environment variables `SWOOP_ARG_1`, `SWOOP_ARG_2` and so on. At most 1 KiB each.
    package let arguments: [String]

    package init?(name: String, arguments: [String] = []) {
        guard LabelKey.isValid(name), !name.contains("/"), arguments.count <= Self.mostArguments,
            arguments.allSatisfy({ $0.utf8.count <= 1024 && !$0.utf8.contains(0) })
        else { return nil }
        self.name = name
        self.arguments = arguments
    }
}

/// Limits of transfer rates, in bytes a second; nil for no limit.
package struct FleetLimits: Sendable, Hashable {
    /// For each target.
    package var down: Int64?
    package var up: Int64?
    /// For all nodes of a site together.
    package var site: Int64?
    package var sender: Int64?

    package init() {}
}

/// A time window, in the target's local time, in which targets may transfer.
package struct FleetWindow: Sendable, Hashable {
    /// Days of the week; 0 is Sunday.
    package var days: Set<Int> = Set(0..<7)
    /// Minutes since midnight.
    package var from = 0
    package var to = 1440
    /// Bytes a second inside the window; nil for the limits of the class.
    package var limit: Int64?

    package init() {}

    /// As a class has it.
    package var json: JSONValue {
        let names = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
        func time(_ minute: Int) -> JSONValue {
            .string([minute / 60, minute % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":"))
        }
        var object = JSONObject([
            "days": .array(days.sorted().filter { names.indices.contains($0) }.map { .string(names[$0]) }),
            "from": time(from), "to": time(to),
        ])
        if let limit { object["limit"] = .string(String(limit)) }
        return .object(object)
    }

    /// - Throws: where it is none.
    package init(json: JSONValue) throws(SettingsError) {
        guard let object = json.objectValue else { throw SettingsError.wrong("windows", "it is no object") }
        self = try ClassSettings.window.read(SettingsSource(object), into: FleetWindow()).0
    }
}
