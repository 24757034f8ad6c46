// NameIndex: the index of a registry: the tags, manifests and blobs of each NAME (the name of a content, such as
// `team/app`).
//
// Purpose: stores tags with their history, manifests, and which blobs each NAME has, in SQLite or PostgreSQL; the HTTP calls
// of the index; garbage collection. It asks origins about blobs through `BlobFacts`. Must never: report a change before it
// is durable, move an immutable tag to another digest, use a text as a name or digest without parsing it, or build SQL
// statements from input.
