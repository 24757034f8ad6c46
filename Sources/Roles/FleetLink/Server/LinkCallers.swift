import Fleet
import HTTPServing
import Identity
import Synchronization

/// Identifies nodes by the certificates of their connections. Parsed certificates are cached, since a connection has
/// the same one for each request.
final class LinkCallers: Sendable {
    struct Shown: Sendable {
        let caller: LinkCaller
        /// Seconds since 1970.
        let ends: Double
    }

    private struct Known {
        let node: NodeID
        let publicKey: [UInt8]
        let ends: Double
    }

    /// Maximum number of cached certificates.
    private static let most = 32_768

    private let authority: TrustedAuthority
    private let known = Mutex<[[UInt8]: Known]>([:])

    init(_ authority: TrustedAuthority) { self.authority = authority }

    /// - Throws: if the connection has no valid certificate of a node.
    func caller(_ origin: RequestOrigin) async throws(LinkRefusal) -> Shown {
        guard let der = await origin.certificate, let address = origin.address else { throw .noCertificate }
        let found: Known
        if let before = known.withLock({ $0[der] }) {
            found = before
        } else {
            found = try read(der)
            known.withLock { known in
                if known.count >= Self.most { known.removeAll() }
                known[der] = found
            }
        }
        return Shown(
            caller: LinkCaller(node: found.node, publicKey: found.publicKey, address: address), ends: found.ends)
    }

    private func read(_ der: [UInt8]) throws(LinkRefusal) -> Known {
        // The TLS handshake has checked this already. It is checked again because all access control depends on it.
        guard let certificate = try? HostCertificate(der: der), authority.vouches(for: certificate),
            certificate.purposes.contains(.client), let node = NodeID(certificate.subject)
        else { throw .noCertificate }
        return Known(node: node, publicKey: certificate.publicKey.der, ends: certificate.ends)
    }
}
