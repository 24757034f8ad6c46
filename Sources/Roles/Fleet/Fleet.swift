// Fleet: the decisions of a fleet's control server, as values.
//
// Purpose: which nodes an expression selects; whether a join token or a one-time key is valid; the state machine of a
// job and its targets; the waves in which targets switch to new content; when a transfer will end; how often agents
// contact control. Callers pass the time with every event. Must never: open a socket or a file, read a clock, or take a
// lock. Control, agents and the simulator use the same values.
