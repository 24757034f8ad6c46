// FleetStore: the database of a fleet's control servers.
//
// Purpose: tokens, nodes, classes, jobs with their targets and receipts, API tokens and the audit log, in SQLite or
// PostgreSQL with one contract. Each operation is one transaction. Must never: decide how a job goes on, or report
// something as stored before it is durable.
