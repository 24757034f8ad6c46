/// How many targets of each wave are open, and how many failed: kept as they move, so that no decision counts 10,000 targets.
struct JobTally: Sendable, Hashable {
    struct Wave: Sendable, Hashable {
        let size: Int
        var open: Int
        var failures = 0
        /// Failures that a person has looked at and gone on.
        var forgiven = 0
    }

    private(set) var waves: [Wave]
    private(set) var open: Int
    private(set) var failures = 0
    /// Targets that have the content.
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

    mutating func forgive() {
        for index in waves.indices { waves[index].forgiven = waves[index].failures }
    }

    /// The same as before, of each wave.
    mutating func forgive(_ failures: [Int]) {
        for (index, count) in zip(waves.indices, failures) { waves[index].forgiven = min(count, waves[index].failures) }
    }

    /// Why more has failed than may, in a wave up to a given one or in all; nil if not.
    func excess(over limit: WaveSize, upTo last: Int) -> String? {
        for (number, wave) in waves.enumerated() where number <= last {
            guard wave.failures > wave.forgiven, wave.failures > limit.allowance(of: wave.size) else { continue }
            return "\(wave.failures) of \(wave.size) targets in wave \(number + 1) failed; maxfailures is \(limit)"
        }
        let forgiven = waves.reduce(0) { $0 + $1.forgiven }
        guard failures > forgiven, failures > limit.allowance(of: size) else { return nil }
        return "\(failures) of \(size) targets failed; maxfailures is \(limit)"
    }

    /// Whether all have the content, but for those that may fail.
    func canSwitchTogether(allowing limit: WaveSize) -> Bool {
        delivered > 0 && size - delivered <= limit.allowance(of: size)
    }
}
