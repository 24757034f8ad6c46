import NIOSSL

/// What a client trusts, and shows of itself, from files.
package struct ClientTLS: Sendable {
    /// Why the files cannot be used.
    package struct Problem: Error, Sendable, CustomStringConvertible {
        package let description: String

        package init(_ description: String) { self.description = description }
    }

    let configuration: TLSConfiguration

    /// Reads the files. Blocks on the disk.
    /// - Parameters:
    ///   - authorities: PEM files of those who vouch for servers; empty for the system's.
    ///   - identity: PEM files of the certificate that servers are shown, and of its key, and the passphrase of that.
    package init(
        authorities: [String], identity: (certificate: String, key: String, passphrase: [UInt8])?
    ) throws(Problem) {
        var tls = TLSConfiguration.makeClientConfiguration()
        if !authorities.isEmpty {
            var trusted: [NIOSSLCertificate] = []
            for file in authorities { trusted += try Self.certificates(file) }
            tls.trustRoots = .certificates(trusted)
        }
        if let identity {
            tls.certificateChain = try Self.certificates(identity.certificate).map { .certificate($0) }
            do {
                // Without a callback the library would ask on the terminal.
                let key = try NIOSSLPrivateKey(file: identity.key, format: .pem) { $0(identity.passphrase) }
                tls.privateKey = .privateKey(key)
            } catch {
                throw Problem("\(identity.key) cannot be read as a private key: \(error)")
            }
        }
        configuration = tls
    }

    private static func certificates(_ file: String) throws(Problem) -> [NIOSSLCertificate] {
        let certificates: [NIOSSLCertificate]
        do { certificates = try NIOSSLCertificate.fromPEMFile(file) } catch {
            throw Problem("\(file) cannot be read as certificates: \(error)")
        }
        guard !certificates.isEmpty else { throw Problem("\(file) has no certificate in it") }
        return certificates
    }
}
