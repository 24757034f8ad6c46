// FleetStore: what a control node remembers.
//
// Purpose: tokens, nodes, classes, jobs with their targets and receipts, API tokens, audit, in SQLite or PostgreSQL under one
// contract. A move is one transaction. Must never: decide what a move is, or say that something is kept before it is durable.
