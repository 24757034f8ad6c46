import Address
import Admission
import NIOCore
import NIOSSL

/// Where a request came from: what its connection tells of its other end.
package struct RequestOrigin: Sendable {
    private let channel: (any Channel)?

    init(_ channel: any Channel) { self.channel = channel }

    private init() { channel = nil }

    /// For requests that came by no connection.
    package static let nowhere = RequestOrigin()

    /// The address, as far as shares and limits are concerned.
    package var source: Source { Source(channel?.remoteAddress) }

    /// The address and port of the connection's other end; nil where that is closed.
    package var address: PeerAddress? {
        guard let address = channel?.remoteAddress, let host = address.ipAddress else { return nil }
        return PeerAddress(host: host, port: UInt16(clamping: address.port ?? 0))
    }

    /// The certificate that the client showed, as DER; one of the server's authorities for clients vouches for it. Nil
    /// without TLS, and where clients are asked for none.
    package var certificate: [UInt8]? {
        get async {
            // Without TLS there is no handler to ask, which is an error.
            let certificate = try? await channel?.nioSSL_peerCertificate().get()
            return try? certificate?.toDERBytes()
        }
    }
}
