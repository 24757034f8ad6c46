// Control: the control server of a fleet.
//
// Purpose: carries out the decisions of the values in Fleet: answers agents, stores the progress of jobs, serves the
// API, writes the audit log. Must never: make a decision that Fleet could make, or transfer content itself.
