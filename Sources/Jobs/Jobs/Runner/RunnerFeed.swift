/// What happens to a runner, one input after the other, and a tick from time to time. Inputs come from any thread, and wait
/// while the runner carries out the one before.
package struct RunnerFeed<Input: Sendable>: Sendable {
    private let inputs: AsyncStream<Input>
    private let entrance: AsyncStream<Input>.Continuation

    package init() { (inputs, entrance) = AsyncStream.makeStream(of: Input.self, bufferingPolicy: .unbounded) }

    package func yield(_ input: Input) { entrance.yield(input) }

    /// Nothing comes after what has come already.
    package func finish() { entrance.finish() }

    /// Hands one input after the other to the runner. Returns when `handle` says that it was the last, or after
    /// ``finish()``. To be called once.
    /// - Parameters:
    ///   - tick: comes at once, and then every so many seconds.
    ///   - handle: called on the runner; false for an end.
    package func run(
        tick: Input, every seconds: Double, clock: any JobClock, isolation: isolated (any Actor)? = #isolation,
        _ handle: (Input) async -> Bool
    ) async {
        let ticker = Task { [entrance] in
            while !Task.isCancelled {
                entrance.yield(tick)
                await clock.sleep(seconds: seconds)
            }
        }
        defer { ticker.cancel() }
        for await input in inputs { guard await handle(input) else { break } }
    }
}
