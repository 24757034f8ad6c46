import Fleet
import FleetStore

/// The other controls of the database, as this one sees them. Their clocks may differ from this one's: a control lives while what it
/// writes of itself changes.
struct OtherControls: Sendable {
    struct Other: Sendable {
        var doors: [String]
        /// As it was read last.
        var mark: Double
        /// When it changed last, by this control's clock; nil where that was not seen yet.
        var changed: Double?
    }

    /// Seconds without a word after which a control counts as gone.
    static let patience = 15.0
    /// Seconds between two writes of a control that has nothing new to tell, and between two looks.
    static let interval = 5.0
    /// At the first look a control whose own time is no further off than this counts as alive.
    private static let nearby = 30.0

    private let own: String
    private(set) var others: [String: Other] = [:]
    private var hasLooked = false

    init(own: String) { self.own = own }

    /// What is known, so that only what is new is read.
    var marks: [String: Double] { others.mapValues(\.mark) }

    /// - Parameter records: those that have changed since the last look.
    /// - Returns: controls that live, with the nodes that each hears of.
    mutating func take(_ records: [ControlRecord], at now: Double) -> [ControlRecord] {
        defer { hasLooked = true }
        var fresh: [ControlRecord] = []
        for record in records where record.id != own {
            let isAlive = hasLooked || abs(record.seen - now) < Self.nearby
            others[record.id] = Other(doors: record.doors, mark: record.seen, changed: isAlive ? now : nil)
            if isAlive { fresh.append(record) }
        }
        return fresh
    }

    func isAlive(_ id: String, at now: Double) -> Bool {
        others[id]?.changed.map { now - $0 < Self.patience } ?? false
    }

    /// Whether any other control lives.
    func areAlive(at now: Double) -> Bool { others.keys.contains { isAlive($0, at: now) } }

    /// Doors of the controls that live.
    func doors(at now: Double) -> [String] {
        others.keys.sorted().flatMap { isAlive($0, at: now) ? others[$0]?.doors ?? [] : [] }
    }

    /// Whether this control does what one of those that live must do.
    func isFirst(at now: Double) -> Bool { !others.keys.contains { $0 < own && isAlive($0, at: now) } }
}
