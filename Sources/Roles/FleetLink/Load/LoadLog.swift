import Fleet
import Synchronization

/// That a simulated agent has received a job, as it says.
package struct SimulatedReceipt: Sendable {
    package let node: NodeID
    package let job: String
    /// Seconds since 1970.
    package let begun: Double
    package let ended: Double
}

/// The measurements of a simulated fleet.
package struct LoadFigures: Sendable {
    package var joined = 0
    package var joinFailures = 0
    /// Number of answers to syncs.
    package var answers = 0
    package var commands = 0
    /// Number of failed syncs and joins, by the kind of failure.
    package var problems: [String: Int] = [:]
    /// Seconds between an agent's report and its acknowledgement.
    package var acknowledgements: [Double] = []
    /// Agents that have got an answer since the set was cleared.
    package var present: Set<NodeID> = []

    package init() {}

    /// A quantile, for a share from 0 to 1; nil if there are no values.
    package static func quantile(_ share: Double, of values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        return sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
    }
}

final class LoadLog: Sendable {
    /// Maximum number of stored times.
    private static let most = 1_000_000

    private let figures = Mutex(LoadFigures())
    private let receipts = Mutex<[SimulatedReceipt]>([])

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

    func received(_ receipt: SimulatedReceipt) {
        receipts.withLock { if $0.count < Self.most { $0.append(receipt) } }
    }

    /// Those since the last call.
    func takeReceipts() -> [SimulatedReceipt] {
        receipts.withLock { receipts in
            defer { receipts = [] }
            return receipts
        }
    }

    func failed(_ problem: LinkProblem) { figures.withLock { $0.problems[Self.kind(problem), default: 0] += 1 } }

    /// A short text for each kind of problem.
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
