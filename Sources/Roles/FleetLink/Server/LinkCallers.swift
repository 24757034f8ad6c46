import Fleet
import HTTPServing
import Identity
import Synchronization

/// Who asks, by the certificates of connections. What certificates say is remembered: a connection shows the same one with each
/// request.
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

    /// Certificates that are remembered.
    private static let most = 32_768

    private let authority: TrustedAuthority
    private let known = Mutex<[[UInt8]: Known]>([:])

    init(_ authority: TrustedAuthority) { self.authority = authority }

    /// - Throws: where the connection shows no certificate of a node.
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
        // The handshake has checked it: here it is checked once more, as all depends on that.
        guard let certificate = try? HostCertificate(der: der), authority.vouches(for: certificate),
            certificate.purposes.contains(.client), let node = NodeID(certificate.subject)
        else { throw .noCertificate }
        return Known(node: node, publicKey: certificate.publicKey.der, ends: certificate.ends)
    }
}
