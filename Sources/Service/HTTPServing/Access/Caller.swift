import HTTPTypes
import Text

/// A set of permissions. A role may include others. Each server uses the three roles below or its own.
package struct Role: Sendable, Hashable, CustomStringConvertible {
    /// Used in messages and in the description of routes.
    package let name: String
    private let included: Set<String>

    package init(_ name: String, including others: Role...) {
        self.name = name
        included = others.reduce(into: []) { $0.formUnion($1.included.union([$1.name])) }
    }

    /// Whether a caller with this role has the permissions of the other role.
    package func includes(_ other: Role) -> Bool { name == other.name || included.contains(other.name) }

    package var description: String { name }

    /// May read everything that is not secret.
    package static let read = Role("read")
    /// May start, change and end jobs.
    package static let operate = Role("operate", including: .read)
    /// May change permissions and the configuration.
    package static let administer = Role("administer", including: .operate)
}

/// A restriction of a caller to objects with certain names.
package struct CallerScope: Sendable, Hashable {
    /// The patterns, for messages and for comparison.
    package let patterns: [String]
    private let test: @Sendable (String) -> Bool

    /// - Parameter includes: whether a name matches one of the patterns.
    package init(patterns: [String], includes: @escaping @Sendable (String) -> Bool) {
        self.patterns = patterns
        test = includes
    }

    package func includes(_ name: String) -> Bool { test(name) }

    package static func == (left: Self, right: Self) -> Bool { left.patterns == right.patterns }
    package func hash(into hasher: inout Hasher) { hasher.combine(patterns) }
}

/// The sender of a request.
package struct Caller: Sendable, Hashable {
    /// A name for audit records; never a secret.
    package let name: String
    package let role: Role
    /// Nil for a caller without restriction.
    package let scope: CallerScope?

    package init(name: String, role: Role, scope: CallerScope? = nil) {
        self.name = name
        self.role = role
        self.scope = scope
    }

    /// A client on this host, when no credentials are configured.
    package static let local = Caller(name: "local", role: .administer)
}

/// The result of authenticating a request.
package enum Authentication: Sendable, Hashable {
    /// No credentials are configured.
    case notSetUp
    case missing
    case wrong
    /// The credentials were valid, and have expired.
    case expired
    /// The address has sent so many wrong credentials that its requests are refused for a while.
    case tooManyFailures
    case caller(Caller)
}

/// Authenticates requests, by tokens, signed tickets or client certificates.
package protocol Authenticator: Sendable {
    /// Called for each request, before anything but its head is read.
    func authenticate(_ request: HTTPRequest, from origin: RequestOrigin) async -> Authentication
}

/// Checks `Authorization: Bearer TOKEN` (RFC 6750) against tokens that may change at any time.
package struct BearerTokens: Authenticator {
    package struct Token: Sendable, Hashable {
        package let secret: Secret
        package let caller: Caller

        package init(_ secret: Secret, of caller: Caller) {
            self.secret = secret
            self.caller = caller
        }
    }

    private let tokens: @Sendable () async -> [Token]

    /// - Parameter tokens: returns the valid tokens; called for each request.
    package init(_ tokens: @escaping @Sendable () async -> [Token]) { self.tokens = tokens }

    package func authenticate(_ request: HTTPRequest, from origin: RequestOrigin) async -> Authentication {
        Self.judge(request.headerFields[.authorization], await tokens())
    }

    /// - Parameter header: the value of `Authorization`.
    package static func judge(_ header: String?, _ tokens: [Token]) -> Authentication {
        if tokens.isEmpty { return .notSetUp }
        guard let given = given(header) else { return .missing }
        // All tokens are compared, so that timing does not reveal which one matched.
        var found: Caller?
        for token in tokens where token.secret.matches(given) { found = token.caller }
        return found.map { .caller($0) } ?? .wrong
    }

    private static func given(_ header: String?) -> String? {
        guard let header else { return nil }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1].drop { $0 == " " })
    }
}
