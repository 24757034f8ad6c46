import HTTPTransport
import NIOCore
import Text
import Tracking

/// Settings of the tracker client. Times are in seconds.
package struct TrackerClientSettings: Sendable {
    /// Local address of announces; nil, `::` or `0.0.0.0` lets the operating system choose.
    package var localAddress: String?
    /// A PEM file of certificate authorities to trust instead of the system's.
    package var trustedAuthorities: String?
    package var userAgent = Product.userAgent
    /// Longest wait for a TCP or TLS connection.
    package var connectTimeout = 15.0
    /// Maximum time for a whole HTTP announce or scrape.
    package var httpTimeout = 30.0
    /// Timeouts of the attempts over UDP, after which the packet is sent again. The first is shorter than BEP 15's 15
    /// s, so that a lost packet on a local network does not cost that much.
    package var udpTimeouts: [Double] = [1, 3, 9, 15]
    /// Time to wait for one address of a UDP tracker before trying the next in parallel.
    package var addressStagger = 1.0
    /// Maximum number of addresses of one UDP tracker that are tried.
    package var addresses = 4
    /// Lifetime of a UDP connection id (BEP 15: one minute).
    package var connectionIDLifetime = 60.0
    /// Maximum time for a `stopped` announce: a process that stops does not wait for a slow tracker.
    package var stoppedTimeout = 2.0
    /// Maximum time for resolving the host names of peers.
    package var namesTimeout = 3.0
    /// Name resolution, instead of the system's resolver; for tests.
    package var resolver: @Sendable (_ host: String, _ port: UInt16) async throws -> [SocketAddress] = {
        host, port in try await SystemResolver.addresses(of: host, port: port)
    }
    /// Limits on responses.
    package var answers = TrackerAnswerLimits.standard

    /// Where tracker URLs may lead: they come from torrents and magnet links.
    var addressRule = AddressRule.torrentTracker

    package init() {}

    /// The local address, unless it is a wildcard.
    var source: String? {
        guard let localAddress, !["", "::", "[::]", "0.0.0.0"].contains(localAddress) else { return nil }
        return localAddress
    }
}
