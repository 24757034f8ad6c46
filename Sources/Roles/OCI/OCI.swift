// OCI: the OCI distribution API, version 1.1, over a store of blobs and an index of names.
//
// Purpose: the doors that container programs know (`/v2/`): blobs, uploads, manifests, tags, referrers. Must never: say that
// something is stored before it is durable; show a blob under a name that does not have it; hold a blob in memory.
