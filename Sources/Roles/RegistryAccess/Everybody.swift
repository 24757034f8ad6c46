import HTTPServing
import HTTPTypes

/// Takes everybody for the same caller.
struct Everybody: Authenticator {
    private let caller = Caller(name: "anybody", role: RegistryRoles.admin)

    func authenticate(_ request: HTTPRequest, from origin: RequestOrigin) async -> Authentication { .caller(caller) }
}
