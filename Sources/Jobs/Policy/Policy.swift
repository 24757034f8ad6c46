// Policy: decides how content gets to a host, and how it is given to others.
//
// Purpose: which method brings which files and when (shares, windows, hand-over from a source that is gone, balance at the
// end), what is checked and published, how long it is served, what a person is shown of it, and which of several jobs runs.
// It takes events and the time, and returns what to do next. It must never open a file or a socket, read a clock, or know
// who asked for the content: a task file, a pull by name and a fleet's job are the same to it.
