import Address
import Admission
import NIOCore
import NIOSSL

/// The origin of a request: the remote end of its connection.
package struct RequestOrigin: Sendable {
    private let channel: (any Channel)?

    init(_ channel: any Channel) { self.channel = channel }

    private init() { channel = nil }

    /// For requests without a connection.
    package static let nowhere = RequestOrigin()

    /// The address, in the form that is used for fair shares and limits.
    package var source: Source { Source(channel?.remoteAddress) }

    /// The remote address and port; nil if the connection is closed.
    package var address: PeerAddress? {
        guard let address = channel?.remoteAddress, let host = address.ipAddress else { return nil }
        return PeerAddress(host: host, port: UInt16(clamping: address.port ?? 0))
    }

    /// The client's certificate, as DER. It was issued by one of the authorities that the server accepts for clients.
    /// Nil without TLS, and if the server does not ask clients for certificates.
    package var certificate: [UInt8]? {
        get async {
            // Without TLS there is no TLS handler, and this call fails.
            let certificate = try? await channel?.nioSSL_peerCertificate().get()
            return try? certificate?.toDERBytes()
        }
    }
}
