// Delivery makes the decisions of the hybrid node: parsing of its configuration and task files, assignment of files to
// methods, windows, when a method has no source left, the values of progress replies, and all reply texts.
//
// It takes events and the time, and returns what to do next. It must never open a file or a socket, read a clock, or
// put a secret into a description. The Node module carries out its decisions.
