import Admission
import FleetStore
import HTTPServing
import HTTPTypes
import Hashing
import Synchronization
import Text
import Threads

/// The roles of the API's callers.
package enum FleetRoles {
    package static let viewer = Role("viewer")
    /// May send, pause, promote and cancel, in the classes of its token.
    package static let `operator` = Role("operator", including: viewer)
    package static let admin = Role("admin", including: `operator`)

    package static let all = [viewer, `operator`, admin]
    static func named(_ name: String) -> Role? { all.first { $0.name == name } }
}

/// Authenticates callers by API tokens, which are cached in memory, and limits wrong tokens and requests.
package final class APIAccess: Authenticator {
    package static let prefix = "swa_"
    /// Maximum wrong tokens from one address in a minute.
    private static let tries = 5.0
    /// Seconds until one more is looked at.
    static let failureWait = 12
    /// Maximum requests a second with one token.
    private static let rate = 100.0
    /// Maximum number of addresses, and of tokens, whose rates are tracked.
    private static let most = 65_536

    private struct Account {
        var left: Double
        /// Seconds of a monotonic clock.
        var at: Double
    }

    private struct State {
        var tokens: [SHA256Digest: APITokenRecord] = [:]
        var uses: [String: Double] = [:]
        var failures = FailureLimit(APIAccess.tries, per: 60, addresses: APIAccess.most)
        var requests: [String: Account] = [:]
    }

    private let state = Mutex(State())
    private let now: @Sendable () -> Double

    /// - Parameter now: seconds since 1970.
    init(now: @escaping @Sendable () -> Double) { self.now = now }

    func load(_ store: ControlStore) async throws(StoreError) {
        let tokens = try await store.apiTokens()
        state.withLock { state in
            state.tokens = Dictionary(tokens.map { ($0.digest, $0) }) { first, _ in first }
        }
    }

    package func authenticate(_ request: HTTPRequest, from origin: RequestOrigin) async -> Authentication {
        guard let secret = Self.secret(request.headerFields[.authorization]) else { return .missing }
        // The lookup uses the hash, so its duration reveals nothing about a secret.
        let digest = SHA256.digest(Array(secret.utf8))
        let (steady, wall) = (Clocks.steadySeconds, now())
        return state.withLock { state in
            // Not even a valid token is accepted then: otherwise the answer would tell an attacker which guess is
            // right.
            if state.failures.isSpent(origin.source, at: steady) { return .tooManyFailures }
            guard let token = state.tokens[digest] else {
                state.failures.fail(origin.source, at: steady)
                return .wrong
            }
            guard wall < token.expires else { return .expired }
            state.uses[token.id] = wall
            guard let role = FleetRoles.named(token.role) else { return .wrong }
            let classes = token.classes
            let scope = classes.isEmpty ? nil : CallerScope(patterns: classes) { classes.contains($0) }
            return .caller(Caller(name: "token:\(token.name)", role: role, scope: scope))
        }
    }

    /// Counts a request of a caller. Returns false if the caller has used up its rate.
    func admits(_ caller: String) -> Bool {
        let steady = Clocks.steadySeconds
        return state.withLock { state in
            guard Self.left(state.requests[caller], Self.rate, per: 1, at: steady) >= 1 else { return false }
            Self.take(&state.requests, caller, Self.rate, per: 1, at: steady)
            return true
        }
    }

    func takeUses() -> [String: Double] {
        state.withLock { state in
            defer { state.uses = [:] }
            return state.uses
        }
    }

    private static func secret(_ header: String?) -> String? {
        guard let header, header.utf8.count <= 4096 else { return nil }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1].drop { $0 == " " })
    }

    private static func left(_ account: Account?, _ most: Double, per seconds: Double, at now: Double) -> Double {
        account.map { min(most, $0.left + max(0, now - $0.at) * most / seconds) } ?? most
    }

    private static func take<Key: Hashable>(
        _ accounts: inout [Key: Account], _ key: Key, _ most: Double, per seconds: Double, at now: Double
    ) {
        if accounts[key] == nil, accounts.count >= Self.most {
            accounts = accounts.filter { left($0.value, most, per: seconds, at: now) < most }
            guard accounts.count < Self.most else { return }
        }
        accounts[key] = Account(left: max(0, left(accounts[key], most, per: seconds, at: now) - 1), at: now)
    }
}
