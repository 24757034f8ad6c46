import HTTPServing
import Identity
import NIOSSL
import Synchronization

/// The certificate of the API beyond loopback where no files are named: of control's own authority, for a key that is written nowhere.
/// Made anew while control runs.
final class APICertificate: Sendable {
    /// What connections get.
    let certificates: Certificates
    private let authority: Authority
    private let names: [String]
    private let key: HostKey
    private let current: Mutex<HostCertificate>

    /// - Parameters:
    ///   - names: host names and addresses. What cannot stand in a certificate is left out.
    ///   - now: seconds since 1970.
    init(_ authority: Authority, names: [String], at now: Double) throws {
        self.authority = authority
        self.names = names
        key = HostKey()
        let made = try Self.make(authority, names, key, at: now)
        certificates = try Certificates(made.configuration, leaf: made.certificate.der, clientCheck: nil)
        current = Mutex(made.certificate)
    }

    /// Connections that come afterwards get a new one, if two thirds of its time are over.
    /// - Returns: whether they do.
    @discardableResult
    func renewIfDue(at now: Double) throws -> Bool {
        guard current.withLock({ $0.isDue(at: now) }) else { return false }
        let made = try Self.make(authority, names, key, at: now)
        try certificates.replace(made.configuration, leaf: made.certificate.der)
        current.withLock { $0 = made.certificate }
        return true
    }

    private static func make(
        _ authority: Authority, _ names: [String], _ key: HostKey, at now: Double
    ) throws -> (configuration: TLSConfiguration, certificate: HostCertificate) {
        guard let publicKey = PublicKey(der: key.publicKey) else { throw IdentityProblem("the key is no P-256 key") }
        let own = try authority.server(names, key: publicKey, now: now)
        var settings = TLSConfiguration.makeServerConfiguration(
            certificateChain: try [own.pem, authority.trusted.pem].map {
                .certificate(try NIOSSLCertificate(bytes: Array($0.utf8), format: .pem))
            }, privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.pem.value.utf8), format: .pem)))
        settings.minimumTLSVersion = .tlsv12
        settings.applicationProtocols = ["http/1.1"]
        return (settings, own)
    }
}
