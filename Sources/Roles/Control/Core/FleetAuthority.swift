import Fleet
import FleetLink
import Hashing

/// The fleet's certificate authority, as control uses it.
package protocol FleetAuthority: Sendable {
    /// SHA-256 of its public key.
    var pin: SHA256Digest { get }
    /// PEM.
    var certificate: String { get }
    /// Issues a node's certificate. PEM.
    /// - Parameters:
    ///   - publicKey: SubjectPublicKeyInfo, DER.
    ///   - now: seconds since 1970.
    func certificate(of node: NodeID, publicKey: [UInt8], at now: Double) throws(LinkRefusal) -> String
    /// Encrypts data with the secret that is not stored in the database.
    func seal(_ bytes: [UInt8]) throws(LinkRefusal) -> [UInt8]
    func open(_ sealed: [UInt8]) throws(LinkRefusal) -> [UInt8]
}
