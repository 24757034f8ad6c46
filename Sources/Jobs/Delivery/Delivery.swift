// Delivery decides what the hybrid node does: what its configuration and its task files say, which files go which way,
// when a window is open, when a method has no source left, what a progress reply shows, and the words of every answer.
//
// It is told what happened and what time it is, and returns what to do next. It must never open a file or a socket,
// ask a clock, or put a secret into a description: the Node module carries its decisions out.
