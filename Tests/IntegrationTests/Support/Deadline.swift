import Foundation

/// A wait that is over as soon as its condition holds, and an error that says what it was for if it never does.
struct TimedOut: Error, CustomStringConvertible {
    let description: String
}

func wait(_ seconds: Double = 30, for what: String, until condition: () throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while try !condition() {
        guard ContinuousClock.now < end else { throw TimedOut(description: "after \(seconds) s still no \(what)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}
