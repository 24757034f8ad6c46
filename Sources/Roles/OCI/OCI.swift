// OCI: the OCI distribution API, version 1.1, over a store of blobs and an index of names.
//
// Purpose: serves the HTTP API that container programs use (`/v2/`): blobs, uploads, manifests, tags, referrers. Must never:
// report a blob or manifest as stored before it is durable; serve a blob under a name that does not have it; hold a blob in
// memory.
