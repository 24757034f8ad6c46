/// Counts of open and failed targets in each wave. They are updated with each transition, so that no decision has to
/// count up to 10,000 targets.
struct JobTally: Sendable, Hashable {
    struct Wave: Sendable, Hashable {
        let size: Int
        var open: Int
        var failures = 0
        /// Number of failures that an operator has accepted by letting the job continue.
        var forgiven = 0
    }

    private(set) var waves: [Wave]
    private(set) var open: Int
    private(set) var failures = 0
    /// Number of targets that have the content.
    private(set) var delivered = 0
    private let size: Int

    init(sizes: [Int]) {
        waves = sizes.map { Wave(size: $0, open: $0) }
        size = sizes.reduce(0, +)
        open = size
    }

    mutating func move(wave: Int, from old: TargetState, to new: TargetState) {
        if !old.hasEnded, new.hasEnded {
            waves[wave].open -= 1
            open -= 1
        } else if old.hasEnded, !new.hasEnded {
            waves[wave].open += 1
            open += 1
        }
        let failed = (new.isFailure ? 1 : 0) - (old.isFailure ? 1 : 0)
        waves[wave].failures += failed
        failures += failed
        delivered += (new.hasContent ? 1 : 0) - (old.hasContent ? 1 : 0)
        waves[wave].forgiven = min(waves[wave].forgiven, waves[wave].failures)
    }

    /// Accepts all failures up to now.
    mutating func forgive() {
        for index in waves.indices { waves[index].forgiven = waves[index].failures }
    }

    /// Restores the accepted failures of each wave.
    mutating func forgive(_ failures: [Int]) {
        for (index, count) in zip(waves.indices, failures) { waves[index].forgiven = min(count, waves[index].failures) }
    }

    /// Why there are more failures than allowed, in a wave up to `last` or in all waves together; nil if there are not.
    func excess(over limit: WaveSize, upTo last: Int) -> String? {
        for (number, wave) in waves.enumerated() where number <= last {
            guard wave.failures > wave.forgiven, wave.failures > limit.allowance(of: wave.size) else { continue }
            return "\(wave.failures) of \(wave.size) targets in wave \(number + 1) failed; maxfailures is \(limit)"
        }
        let forgiven = waves.reduce(0) { $0 + $1.forgiven }
        guard failures > forgiven, failures > limit.allowance(of: size) else { return nil }
        return "\(failures) of \(size) targets failed; maxfailures is \(limit)"
    }

    /// Whether all targets have the content, except as many as may fail.
    func canSwitchTogether(allowing limit: WaveSize) -> Bool {
        delivered > 0 && size - delivered <= limit.allowance(of: size)
    }
}
