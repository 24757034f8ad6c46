// BFT: the front end of BFT 2.0 as values: its task files, its configuration, its paths, its replies to the letter.
//
// It turns task files into policies and jobs' figures into replies. It must never open a file or a socket, read a clock, or
// put a secret into a description. The Node module is the daemon.
