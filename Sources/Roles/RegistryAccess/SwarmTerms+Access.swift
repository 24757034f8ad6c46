import HTTPServing
import JSON
import Registry

extension SwarmTerms {
    /// The terms in the answer that lists the registry's parts; nil where there is no secret. The secret is sent only to
    /// callers that showed a token, of any role, since they may pull. It opens the swarms of all names: whoever's token is for
    /// some names only pulls over HTTP. Where no caller has a token, each host reads the
    /// secret from its own files.
    package func json(for context: ServiceContext, _ access: RegistryAccess) -> JSONValue? {
        guard case .tokens = access, let caller = context.caller else { return json(tellsSecret: false) }
        return json(tellsSecret: caller.scope == nil)
    }
}
