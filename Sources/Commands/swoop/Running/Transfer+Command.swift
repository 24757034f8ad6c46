import Swarm

extension Failure {
    /// The exit status for errors of the engine.
    init(_ error: TransferError) {
        let status: ExitStatus =
            switch error.kind {
            case .verification: .verification
            case .notFound: .notFound
            case .refused: .refused
            case .disk: .disk
            case .configuration: .usage
            case .other: .failed
            }
        self.init(status, error.message, advice: error.advice)
    }
}

extension Progress {
    init(_ status: TransferStatus) {
        self.init(
            phase: "", done: Int(status.done), total: Int(status.total), down: Int(rounding: status.down),
            up: Int(rounding: status.up), eta: status.eta.map { Int(rounding: $0.rounded(.up)) }, peers: status.peers,
            webSources: status.webSources)
        efficiency = status.efficiency.map(EfficiencyText.init)
        switch status.state {
        case .checking(let fraction):
            phase = "checking"
            done = Int(Double(total) * max(0, min(1, fraction)))
            isTransfer = false
        case .fetchingMetadata: phase = "asking peers what is in it"
        case .downloading: phase = "downloading"
        case .seeding: phase = "seeding"
        case .stopped: phase = "stopped"
        }
    }
}

extension Int {
    /// The nearest `Int` for any `value`; 0 for NaN.
    init(rounding value: Double) { self = value.isNaN ? 0 : Int(exactly: value.rounded()) ?? (value < 0 ? .min : .max) }
}
