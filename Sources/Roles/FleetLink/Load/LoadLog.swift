import Fleet
import Synchronization

/// What a load has seen.
package struct LoadFigures: Sendable {
    package var joined = 0
    package var joinFailures = 0
    /// Answers to syncs.
    package var answers = 0
    package var commands = 0
    /// Failures of syncs by what they were.
    package var problems: [String: Int] = [:]
    /// Seconds from a report to its acknowledgement.
    package var acknowledgements: [Double] = []
    /// Agents that were answered since the last look.
    package var present: Set<NodeID> = []

    package init() {}

    /// The value below which such a share of all lies; nil for none.
    package static func quantile(_ share: Double, of values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        return sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
    }
}

final class LoadLog: Sendable {
    /// Times that are remembered.
    private static let most = 1_000_000

    private let figures = Mutex(LoadFigures())

    var now: LoadFigures { figures.withLock { $0 } }

    func joined() { figures.withLock { $0.joined += 1 } }
    func tookCommand() { figures.withLock { $0.commands += 1 } }
    func forgetPresent() { figures.withLock { $0.present = [] } }

    func failedToJoin(_ problem: LinkProblem) {
        figures.withLock { figures in
            figures.joinFailures += 1
            figures.problems["join: " + Self.kind(problem), default: 0] += 1
        }
    }

    func heard(by node: NodeID) {
        figures.withLock { figures in
            figures.answers += 1
            figures.present.insert(node)
        }
    }

    func acknowledged(after seconds: Double) {
        figures.withLock { if $0.acknowledgements.count < Self.most { $0.acknowledgements.append(seconds) } }
    }

    func failed(_ problem: LinkProblem) { figures.withLock { $0.problems[Self.kind(problem), default: 0] += 1 } }

    /// Few words for each kind.
    private static func kind(_ problem: LinkProblem) -> String {
        switch problem {
        case .refused(let refusal): refusal.code
        case .unreachable: "unreachable"
        case .notTrusted: "not trusted"
        case .timedOut: "timed out"
        case .broken: "broken"
        case .cancelled: "cancelled"
        case .malformed: "malformed"
        case .local: "local"
        case .tooManyEvents: "too many events"
        }
    }
}
