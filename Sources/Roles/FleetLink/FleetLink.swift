// FleetLink: the connection between agents and control, both sides of it.
//
// Purpose: control's HTTPS server for agents (`/agent/v1`), over TLS 1.3 with certificates of control's authority on
// both sides; the client that joins, syncs, sends and announces. Must never: decide about jobs, or trust what a message
// says about its sender.
