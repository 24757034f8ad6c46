import HTTPServing
import JSON
import Registry

extension SwarmTerms {
    /// What a caller is told of them in a list of the registry's parts; nil where there is no secret. The secret is for callers who
    /// showed a token, whatever its role: they may pull. Where nobody has one, each host's own files say the secret.
    package func json(for context: ServiceContext, _ access: RegistryAccess) -> JSONValue? {
        guard case .tokens = access, context.caller != nil else { return json(tellsSecret: false) }
        return json(tellsSecret: true)
    }
}
