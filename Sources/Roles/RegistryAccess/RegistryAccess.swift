// RegistryAccess: who may do what at a registry.
//
// Purpose: tokens with roles and names from a file, held against each request; the certificate and tokens of a registry that
// has none yet. Must never: write a secret into a log, a reply or an error, or keep one in memory longer than a request takes.

import HTTPServing
import Registry

/// What callers of a registry may do.
package enum RegistryRoles {
    package static let pull = Role("pull")
    package static let push = Role("push", including: pull)
    /// Deletes, warms, collects.
    package static let admin = Role("admin", including: push)
    /// Between the parts of a registry.
    package static let cluster = Role("cluster", including: push)

    package static let all = [pull, push, admin, cluster]
}

/// Whom a door of a registry lets in.
package enum RegistryAccess: Sendable {
    /// Whoever is on this host, to everything; nobody else.
    case local
    /// Whoever reaches the door, to everything: for networks in which all may use a registry.
    case everybody
    case tokens(RegistryTokens)

    package var authenticator: any Authenticator {
        switch self {
        case .local: BearerTokens { [] }
        case .everybody: Everybody()
        case .tokens(let tokens): tokens
        }
    }

    /// What whoever is on this host may do where there are no tokens.
    package static let localCaller = Caller(name: "local", role: RegistryRoles.admin)

    /// Clients of the OCI distribution API know Basic alone.
    package static func challenge(_ path: String) -> String {
        path == "/v2" || path.hasPrefix("/v2/") ? #"Basic realm="swoop""# : "Bearer"
    }
}

extension ServiceContext {
    /// Whether who asks may see and change what is under a name.
    package func sees(_ name: ContentName) -> Bool { sees(name.text) }

    package static func unseenText(_ name: ContentName) -> String { "this token is not for the name \(name)" }

    /// The first names that who asks may see, of all that there are.
    /// - Parameter page: so many names at most, after one of them, in their order.
    package func seen<Problem: Error>(
        _ limit: Int, after: String?, of page: (_ after: String?, _ limit: Int) async throws(Problem) -> [ContentName]
    ) async throws(Problem) -> [ContentName] {
        guard caller?.scope != nil else { return try await page(after, limit) }
        var found: [ContentName] = []
        var after = after
        while found.count < limit {
            let names = try await page(after, 1_000)
            found += names.filter { sees($0) }
            guard names.count == 1_000 else { break }
            after = names.last?.text
        }
        return Array(found.prefix(limit))
    }
}
