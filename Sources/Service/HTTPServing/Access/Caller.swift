import HTTPTypes
import Text

/// What somebody may do, each including those before it.
package enum Role: Int, Comparable, Sendable, CaseIterable {
    /// Look at everything that holds no secret.
    case read
    /// Start, change and end work.
    case operate
    /// Change who may do what, and the configuration.
    case administer

    package static func < (one: Role, other: Role) -> Bool { one.rawValue < other.rawValue }
}

/// Who sends a request.
package struct Caller: Sendable, Hashable {
    /// For records of who did what; never a secret.
    package let name: String
    package let role: Role

    package init(name: String, role: Role) {
        self.name = name
        self.role = role
    }

    /// Whoever is on this machine, where nobody can show who he is.
    package static let local = Caller(name: "local", role: .administer)
}

/// What a request shows of who sent it.
package enum Authentication: Sendable, Hashable {
    /// No credentials exist that somebody could show.
    case notSetUp
    case missing
    case wrong
    case caller(Caller)
}

/// A way to tell who sends a request: tokens, signed tickets, certificates of clients.
package protocol Authenticator: Sendable {
    /// Called for each request, before anything but its head is looked at.
    func authenticate(_ request: HTTPRequest) async -> Authentication
}

/// `Authorization: Bearer TOKEN` (RFC 6750) against tokens that may change at any time.
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

    /// - Parameter tokens: those in force, asked for at each request.
    package init(_ tokens: @escaping @Sendable () async -> [Token]) { self.tokens = tokens }

    package func authenticate(_ request: HTTPRequest) async -> Authentication {
        Self.judge(request.headerFields[.authorization], await tokens())
    }

    /// - Parameter header: the value of `Authorization`.
    static func judge(_ header: String?, _ tokens: [Token]) -> Authentication {
        if tokens.isEmpty { return .notSetUp }
        guard let given = given(header) else { return .missing }
        // All are compared, so that the time taken tells nothing of which one it was.
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
