// Control: the control server of a fleet.
//
// Purpose: carries out the decisions of the values in Fleet: answers agents, stores the progress of jobs, serves the
// API, writes the audit log. Must never: make a decision that Fleet could make, or transfer content itself.
//
// `ControlCore` makes the parts and has each do what is due. Each part owns its state, if it has any, under a lock of its
// own, and knows only parts that the core makes before it. The folders:
//
//   Core/      the database with logger and clock; the changes of the database, followed; settings
//   Nodes/     the nodes in memory, their commands and waiting requests; the other controls; who is away
//   Jobs/      the open jobs in memory, one lead each; their orders to nodes; what happens to nodes
//   Content/   swarms, offers, torrents and signed URLs of jobs
//   Planning/  classes, orders to send, keys, starts, rollbacks, catching up
//   Progress/  figures of jobs, what people see of them, deadlines
//   Link/      the calls of agents
//   API/       the calls of people and programs
//   Server/    the listening servers, certificates, webhooks, the whole role
