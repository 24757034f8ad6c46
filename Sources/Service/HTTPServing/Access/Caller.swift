import HTTPTypes
import Text

/// The permissions of a caller. Each role includes the ones before it.
package enum Role: Int, Comparable, Sendable, CaseIterable {
    /// May read everything that is not secret.
    case read
    /// May start, change and end work.
    case operate
    /// May change permissions and the configuration.
    case administer

    package static func < (one: Role, other: Role) -> Bool { one.rawValue < other.rawValue }
}

/// The sender of a request.
package struct Caller: Sendable, Hashable {
    /// For audit records; never a secret.
    package let name: String
    package let role: Role

    package init(name: String, role: Role) {
        self.name = name
        self.role = role
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
    case caller(Caller)
}

/// Authenticates requests, by tokens, signed tickets or client certificates.
package protocol Authenticator: Sendable {
    /// Called for each request, before anything except its head is examined.
    func authenticate(_ request: HTTPRequest) async -> Authentication
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

    package func authenticate(_ request: HTTPRequest) async -> Authentication {
        Self.judge(request.headerFields[.authorization], await tokens())
    }

    /// - Parameter header: the value of `Authorization`.
    static func judge(_ header: String?, _ tokens: [Token]) -> Authentication {
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
