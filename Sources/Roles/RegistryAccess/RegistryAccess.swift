// RegistryAccess: authentication and authorization of a registry's callers.
//
// Purpose: checks each request against a file of tokens, each with a role and the names that it may use; makes the
// certificate and the tokens of a registry that has none yet. Must never: write a secret into a log, a reply or an error, or
// keep a request's secret in memory longer than the request takes.

import HTTPServing
import Registry

/// The roles of a registry's callers. Each includes the rights of the role in its `including`.
package enum RegistryRoles {
    package static let pull = Role("pull")
    package static let push = Role("push", including: pull)
    /// May also delete tags, warm agents' caches, and run garbage collection.
    package static let admin = Role("admin", including: push)
    /// For calls between the parts of a registry, such as origins and indexes.
    package static let cluster = Role("cluster", including: push)

    package static let all = [pull, push, admin, cluster]
}

/// Which callers a registry's HTTP server lets in.
package enum RegistryAccess: Sendable {
    /// Programs of this host may do everything, and other hosts nothing.
    case local
    /// Any caller may do everything: for networks in which all hosts are trusted with the registry.
    case everybody
    case tokens(RegistryTokens)

    package var authenticator: any Authenticator {
        switch self {
        case .local: BearerTokens { [] }
        case .everybody: Everybody()
        case .tokens(let tokens): tokens
        }
    }

    /// The caller that programs of this host are where there are no tokens.
    package static let localCaller = Caller(name: "local", role: RegistryRoles.admin)

    /// The `WWW-Authenticate` challenge for a URL path. Clients of the OCI distribution API support Basic only.
    package static func challenge(_ path: String) -> String {
        path == "/v2" || path.hasPrefix("/v2/") ? #"Basic realm="swoop""# : "Bearer"
    }
}

extension ServiceContext {
    /// Whether the caller's token gives access to a name.
    package func sees(_ name: ContentName) -> Bool { sees(name.text) }

    package static func unseenText(_ name: ContentName) -> String { "this token is not for the name \(name)" }

    /// The first `limit` names after `after` that the caller may see.
    /// - Parameter page: reads up to `limit` names of all, in order, after a given one.
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
