import SwarmCore

/// Text about the efficiency of a transfer, and what would improve it.
struct EfficiencyText: Sendable, Equatable {
    let efficiency: Efficiency

    /// For the end of a progress line: `91% of bound, held by seed uplink`.
    var short: String? {
        guard let limit = efficiency.limit else { return nil }
        let held = limit == .noSource ? "no source" : "held by \(Self.name(limit))"
        return percent.map { "\($0) of bound, \(held)" } ?? held
    }

    /// For the end of a transfer: the result, and what would improve it.
    var long: String? {
        guard let limit = efficiency.limit else { return nil }
        let held = limit == .noSource ? "nobody had what was missing" : "held back by \(Self.whole(limit))"
        let starved =
            efficiency.starved >= 0.05
            ? ", \(Int(rounding: efficiency.starved * 100))% of the time without a source" : ""
        let reached = percent.map { "\($0) of what the known limits allow, " } ?? ""
        let unknown =
            efficiency.unknown.isEmpty ? "" : "; unknown: \(efficiency.unknown.map(Self.name).joined(separator: ", "))"
        return "\(reached)\(held)\(starved)\(unknown). \(Self.help(limit))"
    }

    /// The keys are a contract (docs/json-lines.md).
    var json: JSONValue {
        .object([
            ("ratio", efficiency.ratio.map { .double(($0 * 1000).rounded() / 1000) } ?? .null),
            ("achieved", .int(Int(rounding: efficiency.achieved))),
            ("bound", efficiency.bound.map { .int(Int(rounding: $0)) } ?? .null),
            ("limit", efficiency.limit.map { .string($0.rawValue) } ?? .null),
            ("starved", .double((efficiency.starved * 1000).rounded() / 1000)),
            ("unknown", .array(efficiency.unknown.map { .string($0.rawValue) })),
        ])
    }

    private var percent: String? { efficiency.ratio.map { "\(Int(rounding: $0 * 100))%" } }

    private static func name(_ limit: Efficiency.Limit) -> String {
        switch limit {
        case .seedUplink: "seed uplink"
        case .sumOfUplinks: "sum of uplinks"
        case .receiverDownlink: "receiver downlink"
        case .disk: "disk"
        case .hashing: "hashing"
        case .noSource: "no source"
        }
    }

    private static func whole(_ limit: Efficiency.Limit) -> String {
        switch limit {
        case .seedUplink: "the seeds' uplink"
        case .sumOfUplinks: "the sum of all uplinks"
        case .receiverDownlink: "this host's downlink, or its limit"
        case .disk: "this host's disk"
        case .hashing: "hashing on this host"
        case .noSource: "a lack of sources"
        }
    }

    private static func help(_ limit: Efficiency.Limit) -> String {
        switch limit {
        case .seedUplink: "A faster line of the seed, a second seed or a web seed would help."
        case .sumOfUplinks: "More seeds, web seeds or edge caches would help."
        case .receiverDownlink: "Only a faster line here, or a higher --download-limit, would help."
        case .disk: "A faster disk would help."
        case .hashing: "More or faster processors would help."
        case .noSource: "A seed that stays, or a web seed, would help."
        }
    }
}
