// Fleet: what a control node decides, as values.
//
// Purpose: which nodes an expression selects, what a token or a one-time key may still do, how a job's targets move, in which
// order they switch, when a transfer will end, how often agents ask. Every event comes with its time. Must never: open a
// socket or a file, look at a clock, or keep a lock. Control, agents and the simulator run the same values.
