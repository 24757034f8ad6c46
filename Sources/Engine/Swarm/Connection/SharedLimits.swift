import Synchronization

/// The rate limits of a process that has several loops. May be used from any thread.
final class SharedLimits: Sendable {
    let down: SharedBucket
    let up: SharedBucket
    let answers: SharedBucket
    /// When a loop sent a block last, as the bits of a `Double`.
    private let sentAt = Atomic<UInt64>((-Double.infinity).bitPattern)

    /// - Parameters: bytes per second; nil for none.
    init(down: Int?, up: Int?, now: Double) {
        self.down = SharedBucket(rate: down, now: now)
        self.up = SharedBucket(rate: up, now: now)
        answers = SharedBucket(rate: TransferLimits.answers(of: up), now: now)
    }

    func set(down: Int?, up: Int?, now: Double) {
        self.down.setRate(down, now: now)
        self.up.setRate(up, now: now)
        answers.setRate(TransferLimits.answers(of: up), now: now)
    }

    var blockSentAt: Double {
        get { Double(bitPattern: sentAt.load(ordering: .relaxed)) }
        set { sentAt.store(newValue.bitPattern, ordering: .relaxed) }
    }
}
