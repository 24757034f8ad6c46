// FleetAgent: a host's part of a fleet.
//
// Purpose: asks control what there is to do, receives, publishes, runs hooks, gives on, sends; says what happened. What it may do
// stands in its own file. Must never: run a shell, write outside its roots, or widen what its file allows.
