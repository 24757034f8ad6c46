// Identity: keys and certificates of a fleet's certificate authority and of its hosts.
//
// Purpose: the authority's key and certificate, sealed at rest; signing requests and the certificates issued for them;
// the TLS settings with which control and nodes authenticate each other; signed statements (JWS). Must never: write a
// private key anywhere but to a file of mode 600, or into a log; rely on a certificate, request or statement from
// outside before its signature has been checked.

/// Why a key, certificate, request or statement cannot be used.
package struct IdentityProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
