// IndexLink: what origins and indexes of other processes ask each other.
//
// Purpose: both sides of two sets of calls below `/v1/internal`: an origin asks an index for names, tags and manifests
// (`RemoteIndex`, `NameLinkCalls`); an index asks origins for their blobs (`RemoteFacts`, `FactsCall`). Both need the role `cluster`
// where there are tokens. Must never: take a body or a list without a bound; wait without an end; say that something is stored
// before the other side has said so.

import HTTPServing
import RegistryAccess

/// Who may make these calls.
package enum LinkAccess {
    /// Without tokens, whoever is let in is of the cluster.
    package static func route(_ access: RegistryAccess) -> Route.Access {
        if case .tokens = access { .role(RegistryRoles.cluster) } else { .role(RegistryRoles.pull) }
    }
}
