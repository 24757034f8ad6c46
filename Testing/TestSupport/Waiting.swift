/// What a test waited for did not come in time.
package struct TimedOut: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}

/// Returns as soon as `condition` holds. Throws an error that says what the wait was for when it never does.
/// - Parameter seconds: the deadline, which only a broken subject reaches.
package func wait(
    _ seconds: Double = 30, for what: String, isolation: isolated (any Actor)? = #isolation,
    until condition: () async throws -> Bool
) async throws {
    guard try await !eventually(seconds: seconds, condition) else { return }
    throw TimedOut(description: "after \(seconds) s still no \(what)")
}

/// Waits until `condition` holds; false when it still does not at the deadline.
package func eventually(
    seconds: Double = 20, isolation: isolated (any Actor)? = #isolation, _ condition: () async throws -> Bool
) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(seconds)
    while try await !condition() {
        guard ContinuousClock.now < end else { return false }
        // A look every few milliseconds: soon enough for a test, and little work for a busy machine.
        try await Task.sleep(for: .milliseconds(5))
    }
    return true
}
