import HTTPServing
import JSON
import Registry

extension SwarmTerms {
    /// The terms in the answer that lists the registry's parts; nil where there is no secret. The secret is sent only to
    /// callers that showed a token, of any role, since they may pull. Where no caller has a token, each host reads the
    /// secret from its own files.
    package func json(for context: ServiceContext, _ access: RegistryAccess) -> JSONValue? {
        guard case .tokens = access, context.caller != nil else { return json(tellsSecret: false) }
        return json(tellsSecret: true)
    }
}
