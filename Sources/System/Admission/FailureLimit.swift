/// How many wrong tokens an address may show: so many at once, and as many in each window of time. Pure.
package struct FailureLimit: Sendable {
    private let count: Double
    /// Seconds.
    private let window: Double
    /// Addresses that are remembered. Beyond that no new one is: it takes as many addresses within a window to get there.
    private let most: Int

    private struct Account {
        var left: Double
        var at: Double
    }

    private var accounts: [Source: Account] = [:]

    /// - Parameter window: seconds.
    package init(_ count: Double, per window: Double, addresses most: Int = 16_384) {
        (self.count, self.window, self.most) = (count, window, most)
    }

    /// Whether an address has no more failures left.
    /// - Parameter now: seconds of a monotonic clock.
    package func isSpent(_ source: Source, at now: Double) -> Bool {
        accounts[source].map { remaining($0, at: now) < 1 } ?? false
    }

    package mutating func fail(_ source: Source, at now: Double) {
        if accounts[source] == nil, accounts.count >= most {
            accounts = accounts.filter { remaining($0.value, at: now) < count }
            guard accounts.count < most else { return }
        }
        let left = accounts[source].map { remaining($0, at: now) } ?? count
        accounts[source] = Account(left: max(0, left - 1), at: now)
    }

    private func remaining(_ account: Account, at now: Double) -> Double {
        min(count, account.left + max(0, now - account.at) * count / window)
    }
}
