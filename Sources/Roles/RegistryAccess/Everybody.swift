import HTTPServing
import HTTPTypes

/// Authenticates every request as the same caller, who is an administrator.
struct Everybody: Authenticator {
    private let caller = Caller(name: "anybody", role: RegistryRoles.admin)

    func authenticate(_ request: HTTPRequest, from origin: RequestOrigin) async -> Authentication { .caller(caller) }
}
