// Identity: keys and certificates of an authority and of hosts.
//
// Purpose: an authority's key and certificate, sealed at rest; signing requests and the certificates made from them; the settings
// with which both ends of a connection know each other by keys; signed statements (JWS). Must never: write a private key anywhere
// but to a file of mode 600, or into a log; take a certificate, request or statement from outside for right before its signature
// was checked.

/// Why something of this module cannot be used.
package struct IdentityProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
