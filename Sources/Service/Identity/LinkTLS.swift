import NIOSSL

/// TLS 1.3 settings for the connections between control and nodes. Both sides have certificates of one authority.
package enum LinkTLS {
    /// The settings of a control server. Clients are asked for a certificate, but a client that joins has none yet.
    /// - Parameter chain: the server's certificate first, then the authority's, so that hosts that know only the
    ///   authority's PIN can check it.
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

    /// Whether a control server accepts a client with these certificates: the first one is for a TLS client, and the
    /// authority issued it. An expired one is accepted, since hosts that were offline must be able to renew theirs. The
    /// handlers of requests check the expiry.
    package static func admits(_ chain: [NIOSSLCertificate], by authority: TrustedAuthority) -> Bool {
        guard let der = try? chain.first?.toDERBytes(), let certificate = try? HostCertificate(der: der) else {
            return false
        }
        return authority.vouches(for: certificate) && certificate.purposes.contains(.client)
    }

    /// The settings of a node. ``ServerTrust`` checks the server, instead of the TLS library.
    /// - Parameter identity: nil for a host that has not joined yet.
    package static func client(
        identity: (certificate: HostCertificate, key: HostKey)?
    ) throws(IdentityProblem) -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv13
        tls.certificateVerification = .noHostnameVerification
        // None of the system's authorities, which take long to load.
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
