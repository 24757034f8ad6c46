import Hashing
import NIOCore
import NIOSSL
import Text

/// The SHA-256 of the one certificate (DER) that a server may show. It takes the place of authorities and of host names: a
/// client that was told it needs neither.
package struct CertificatePin: Hashable, Sendable, CustomStringConvertible {
    private let digest: SHA256Digest

    package init(certificate der: [UInt8]) { digest = SHA256.digest(der) }

    /// - Parameter text: 64 hexadecimal digits, with or without colons between bytes, as `openssl x509 -fingerprint -sha256`
    ///   prints them.
    package init?(_ text: String) {
        let digits = text.hasPrefix("sha256:") ? String(text.dropFirst(7)) : text
        guard let digest = SHA256Digest(hex: digits.filter { $0 != ":" }) else { return nil }
        self.digest = digest
    }

    package var description: String { digest.hex }

    func matches(_ certificate: NIOSSLCertificate?) -> Bool {
        guard let der = try? certificate?.toDERBytes() else { return false }
        return SHA256.digest(der) == digest
    }
}

/// A server showed another certificate than the pinned one. Nothing was sent to it.
struct UnexpectedCertificate: Error {}

extension CertificatePin {
    /// Fails for a connection whose server showed another certificate, or that has no TLS. The handshake has proved that the
    /// server holds the certificate's key.
    func check(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.nioSSL_peerCertificate().flatMapErrorThrowing { _ in nil }.flatMap { certificate in
            guard matches(certificate) else {
                // In a later tick, as the library must hear of the failure first.
                channel.eventLoop.execute { channel.close(promise: nil) }
                return channel.eventLoop.makeFailedFuture(UnexpectedCertificate())
            }
            return channel.eventLoop.makeSucceededVoidFuture()
        }
    }
}
