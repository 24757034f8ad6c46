import Admission

/// How many wrong tokens an address may show: so many at once, and as many a minute. Tokens that were right once do not count.
/// Pure.
package struct JoinFailures: Sendable {
    package static let perMinute = 10.0
    /// Addresses that are remembered. Beyond that no new one is: it takes as many addresses within a minute to get there.
    private static let most = 16_384

    private struct Account {
        var left: Double
        var at: Double
    }

    private var accounts: [Source: Account] = [:]

    package init() {}

    /// Whether an address has no more failures left.
    /// - Parameter now: seconds of a monotonic clock.
    package func isSpent(_ source: Source, at now: Double) -> Bool {
        accounts[source].map { Self.left($0, at: now) < 1 } ?? false
    }

    package mutating func fail(_ source: Source, at now: Double) {
        if accounts[source] == nil, accounts.count >= Self.most {
            accounts = accounts.filter { Self.left($0.value, at: now) < Self.perMinute }
            guard accounts.count < Self.most else { return }
        }
        let left = accounts[source].map { Self.left($0, at: now) } ?? Self.perMinute
        accounts[source] = Account(left: max(0, left - 1), at: now)
    }

    private static func left(_ account: Account, at now: Double) -> Double {
        min(perMinute, account.left + max(0, now - account.at) * perMinute / 60)
    }
}
