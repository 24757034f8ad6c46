// Identity: keys and certificates of an authority and of hosts.
//
// Purpose: an authority's key and certificate, sealed at rest; signing requests and the certificates made from them; the settings
// with which both ends of a connection know each other by keys. Must never: write a private key anywhere but to a file of mode
// 600, or into a log.
