// Jobs: content that is fetched to this host, checked, published and served, under a policy.
//
// What it is for: one life of a delivery for every front end (a task file, a pull by name, a fleet's job). A front end
// makes a `Job`, keeps its record as a `JobStore`, and is told by `JobHooks` what became of it; `JobRunner` does the work
// in between, and `JobStatus` says at any moment how far it is. What it must never do: know the front end's files, paths
// or words; decide what Policy decides; let content appear at its final place before every file of it has been checked.
