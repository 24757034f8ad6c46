import NIOSSL

/// Settings of TLS 1.3 with which a control and its nodes know each other: certificates of one authority on both sides.
package enum LinkTLS {
    /// A control's side. Clients are asked for a certificate and need none to join.
    /// - Parameter chain: the server's certificate first, then the authority's, so that hosts that have only its PIN see it.
    package static func server(
        chain: [HostCertificate], key: HostKey, authority: TrustedAuthority
    ) throws(IdentityProblem) -> TLSConfiguration {
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try chain.map { certificate throws(IdentityProblem) in
                .certificate(try Self.certificate(certificate))
            }, privateKey: .privateKey(try privateKey(key)))
        tls.minimumTLSVersion = .tlsv13
        tls.applicationProtocols = ["http/1.1"]
        tls.certificateVerification = .optionalVerification
        tls.trustRoots = .certificates([try certificate(authority.certificate)])
        return tls
    }

    /// Whether a control lets a client in that showed these certificates: the first is a client's, and the authority made it.
    /// It may have run out, as hosts that were away renew theirs: requests tell.
    package static func admits(_ chain: [NIOSSLCertificate], by authority: TrustedAuthority) -> Bool {
        guard let der = try? chain.first?.toDERBytes(), let certificate = try? HostCertificate(der: der) else {
            return false
        }
        return authority.vouches(for: certificate) && certificate.purposes.contains(.client)
    }

    /// A node's side. Servers are checked by ``ServerTrust``, in place of the library's own check.
    /// - Parameter identity: nil for a host that has none yet.
    package static func client(
        identity: (certificate: HostCertificate, key: HostKey)?
    ) throws(IdentityProblem) -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv13
        tls.certificateVerification = .noHostnameVerification
        // None of the system's, which take long to read.
        tls.trustRoots = .certificates([])
        if let identity {
            tls.certificateChain = [.certificate(try certificate(identity.certificate))]
            tls.privateKey = .privateKey(try privateKey(identity.key))
        }
        return tls
    }

    private static func certificate(_ certificate: HostCertificate) throws(IdentityProblem) -> NIOSSLCertificate {
        do { return try NIOSSLCertificate(bytes: certificate.der, format: .der) } catch {
            throw IdentityProblem("the certificate cannot be used for TLS: \(error)")
        }
    }

    private static func privateKey(_ key: HostKey) throws(IdentityProblem) -> NIOSSLPrivateKey {
        do { return try NIOSSLPrivateKey(bytes: Array(key.pem.value.utf8), format: .pem) } catch {
            throw IdentityProblem("the key cannot be used for TLS")
        }
    }
}
