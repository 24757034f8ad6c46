import Testing

struct TimedOut: Error, CustomStringConvertible {
    let description: String
}

/// A wait that is over as soon as its condition holds, and an error that says what it was for if it never does.
func wait(_ seconds: Double = 30, for what: String, until condition: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while try await !condition() {
        guard ContinuousClock.now < end else { throw TimedOut(description: "after \(seconds) s still no \(what)") }
        try await Task.sleep(for: .milliseconds(10))
    }
}
