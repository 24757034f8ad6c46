// NameIndex: which digest a tag names, and all that a NAME has.
//
// Purpose: tags with their history, manifests and the blobs of each NAME, kept for good; the calls of the index over HTTP. What an
// origin knows of blobs comes through `BlobFacts`. Must never: say that something is stored before it is durable, let an immutable
// tag name something else, take a text for a name or digest that was not parsed, or build a statement of SQL from what came
// from outside.
