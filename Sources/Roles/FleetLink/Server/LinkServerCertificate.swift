import Identity
import NIOSSL
import Synchronization

/// The certificate of the server for agents. Its private key is in memory only.
final class LinkServerCertificate: Sendable {
    private let authority: Authority
    private let names: [String]
    private let key = HostKey()
    private let current = Mutex<HostCertificate?>(nil)

    /// - Parameter names: host names and addresses. Invalid host names are left out.
    init(_ authority: Authority, names: [String]) {
        self.authority = authority
        self.names = names.filter { ServerName.addressBytes($0) != nil || ServerName.isHostName($0) }
    }

    func isDue(at now: Double) -> Bool { current.withLock { $0?.isDue(at: now) ?? true } }

    /// Issues a new certificate.
    func make(at now: Double) throws(IdentityProblem) -> (configuration: TLSConfiguration, leaf: [UInt8]) {
        guard let publicKey = PublicKey(der: key.publicKey) else { throw IdentityProblem("the key is no P-256 key") }
        let certificate = try authority.server(names, key: publicKey, now: now)
        let configuration = try LinkTLS.server(
            chain: [certificate, authority.trusted.certificate], key: key, authority: authority.trusted)
        current.withLock { $0 = certificate }
        return (configuration, certificate.der)
    }
}
