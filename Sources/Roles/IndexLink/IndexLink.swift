// IndexLink: the calls between origins and indexes that run in separate processes.
//
// Purpose: client and server of the calls below `/v1/internal`. An origin asks an index for names, tags and manifests
// (`RemoteIndex`, `NameLinkCalls`), and which blobs are still in use (`RemoteHolders`, `HoldersCall`). An index asks
// origins about blobs (`RemoteFacts`, `FactsCall`), and has them remove unused ones (`SweepCall`). In a registry with
// tokens, all of these calls need the role `cluster`. Must never: read a body or a list without a size limit; wait
// without a deadline; report something as stored before the other side has confirmed it.

import HTTPServing
import RegistryAccess

/// The access rule of the calls in this module.
package enum LinkAccess {
    /// A registry with tokens asks for the role `cluster`. Without tokens no role can be told from another, so any
    /// accepted caller may make these calls.
    package static func route(_ access: RegistryAccess) -> Route.Access {
        if case .tokens = access { .role(RegistryRoles.cluster) } else { .role(RegistryRoles.pull) }
    }
}
