/// Shows the progress of a push or pull while it runs.
struct TransferDisplay: Sendable {
    /// The progress without rates; bytes transferred so far; and the reason if the transfer is stuck, where it is
    /// known.
    typealias Sample = @Sendable () -> (progress: Progress, moved: Int, trouble: String?)

    private static let pace = Duration.milliseconds(100)
    /// Time without a byte after which a note gives the reason.
    private static let patience = Duration.seconds(10)

    let reporter: Reporter
    let label: String
    let sample: Sample

    func whileRunning<R, E: Error>(_ body: () async throws(E) -> R) async throws(E) -> R {
        let begin = ContinuousClock.now
        let ticker = Task {
            var rate = TransferRate()
            var lastMove = ContinuousClock.now
            var moved = 0
            var hasSaid = false
            while (try? await Task.sleep(for: Self.pace)) != nil {
                let now = sample()
                reporter.progress(rated(now.progress, rate.update(now.moved)), label: label)
                if now.moved != moved || now.progress.done >= now.progress.total {
                    (moved, lastMove, hasSaid) = (now.moved, .now, false)
                } else if !hasSaid, ContinuousClock.now - lastMove >= Self.patience {
                    hasSaid = true
                    reporter.note(
                        "nothing for \(Int(Self.patience / .seconds(1))) s: \(now.trouble ?? "no answer comes")")
                }
            }
        }
        defer { ticker.cancel() }
        let result = try await body()
        ticker.cancel()
        await ticker.value
        // The last line shows the average rate of the whole transfer.
        let last = sample()
        let seconds = max(0.001, (ContinuousClock.now - begin) / .seconds(1))
        reporter.progress(rated(last.progress, Int(Double(last.moved) / seconds)), label: label, force: true)
        return result
    }

    private func rated(_ progress: Progress, _ rate: Int) -> Progress {
        var progress = progress
        if progress.isUpload { progress.up = rate } else { progress.down = rate }
        if rate > 0, progress.done < progress.total { progress.eta = (progress.total - progress.done) / rate }
        return progress
    }
}

/// A rate from samples of a byte count: the average over the last seconds.
struct TransferRate: Sendable {
    private static let window = Duration.seconds(3)
    private var samples: [(at: ContinuousClock.Instant, bytes: Int)] = []

    /// Adds a sample.
    /// - Parameter bytes: bytes since the start of the transfer.
    /// - Returns: bytes per second.
    mutating func update(_ bytes: Int, now: ContinuousClock.Instant = .now) -> Int {
        samples.append((now, bytes))
        while samples.count > 2, now - samples[1].at > Self.window { samples.removeFirst() }
        guard let first = samples.first, now > first.at else { return 0 }
        return max(0, Int(Double(bytes - first.bytes) / ((now - first.at) / .seconds(1))))
    }
}
