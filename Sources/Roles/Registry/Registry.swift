// Registry: content by name, as values.
//
// Purpose: names, tags, digests and references as people and programs write them; manifests; which origins own a blob; when a
// failed task is tried again; the errors of the OCI distribution API. Pure: no I/O, no clock, no locks. Must never: accept a
// text as a name, a tag or a digest that could be taken for a path.
