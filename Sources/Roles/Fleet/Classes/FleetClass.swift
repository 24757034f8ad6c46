import JSON
import Settings
import Text

/// How content of one kind travels: to which nodes, within which limits, and what happens there. An operator writes it once;
/// a job keeps the version that it began with.
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
    /// Regular expressions of relative paths.
    package var include: [String] = []
    package var exclude: [String] = []
    /// Nodes (`node:NAME`), API tokens (`token:NAME`) and roles (`role:NAME`) that may send.
    package var senders: [String] = ["role:admin"]
    /// Seconds for which a one-time key can be used.
    package var keyTime = 600
    /// Absolute and below a root of the target, or relative to its first root.
    package var destination = ""
    package var publish = Publish.replace
    /// Versions that stay.
    package var keep = 3
    package var hook: HookCall?
    package var catchUp = CatchUp.none
    package var verify: Verify?
    package var peerToPeer = true
    /// Bytes, a power of two; nil: by size.
    package var block: Int64?
    package var sendfile = true
    package var isolation = Isolation.job
    package var sources: [JSONValue] = []
    package var limits = FleetLimits()
    package var windows: [FleetWindow] = []
    package var seedsInWindow = false
    /// Seconds without a byte after which a target has failed.
    package var timeout = 600
    /// Seconds that caches seed after the job.
    package var seedTime = 1800
    /// Seconds from the start, or a time of day in UTC: `6h`, `2026-12-01T06:00:00Z`.
    package var deadline: String?
    /// 0 to 9; 9 first.
    package var priority = 5
    package var check = Check.sha256
    package var course = JobCourse()
    package var wavesOf = WavesOf.switch

    package init() {}

    /// Checks a definition.
    /// - Throws: the first key that cannot be used.
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

/// The hook of a node that a class calls: its name in the node's own file, and arguments.
package struct HookCall: Sendable, Hashable {
    package static let mostArguments = 16

    package let name: String
    /// Given to the hook as `SWOOP_ARG_1` and so on.
    package let arguments: [String]

    package init?(name: String, arguments: [String] = []) {
        guard LabelKey.isValid(name), !name.contains("/"), arguments.count <= Self.mostArguments,
            arguments.allSatisfy({ $0.utf8.count <= 1024 && !$0.utf8.contains(0) })
        else { return nil }
        self.name = name
        self.arguments = arguments
    }
}

/// Bytes a second; nil for no limit.
package struct FleetLimits: Sendable, Hashable {
    /// Of a target.
    package var down: Int64?
    package var up: Int64?
    /// Of all nodes of a site together.
    package var site: Int64?
    package var sender: Int64?

    package init() {}
}

/// Hours in which targets may transfer, in their local time.
package struct FleetWindow: Sendable, Hashable {
    /// 0 is Sunday.
    package var days: Set<Int> = Set(0..<7)
    /// Minutes since midnight.
    package var from = 0
    package var to = 1440
    /// Bytes a second; nil for the limits of the class.
    package var limit: Int64?

    package init() {}
}
