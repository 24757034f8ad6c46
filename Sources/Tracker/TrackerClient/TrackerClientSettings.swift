import HTTPTransport
import NIOCore
import Text
import Tracking

/// How trackers are asked. Times are in seconds.
package struct TrackerClientSettings: Sendable {
    /// The address that announces come from; nil, `::` or `0.0.0.0` leaves the choice to the system.
    package var localAddress: String?
    /// A PEM file of certificate authorities to trust in place of the system's.
    package var trustedAuthorities: String?
    package var userAgent = Product.userAgent
    /// Longest wait for a TCP or TLS connection.
    package var connectTimeout = 15.0
    /// Longest a whole HTTP announce or scrape may take.
    package var httpTimeout = 30.0
    /// How long each try over UDP waits before the packet is sent again. The first is shorter than BEP 15's 15 s, for
    /// a lost packet on a local network should not cost that much.
    package var udpTimeouts: [Double] = [1, 3, 9, 15]
    /// How long to wait for one address of a UDP tracker before trying the next beside it.
    package var addressStagger = 1.0
    /// Most addresses of one UDP tracker that are tried.
    package var addresses = 4
    /// How long a UDP connection id is used (BEP 15: one minute).
    package var connectionIDLifetime = 60.0
    /// Longest a `stopped` announce may take: a stopping process does not wait for a slow tracker.
    package var stoppedTimeout = 2.0
    /// Longest to wait for the addresses of peers that a tracker names by host names.
    package var namesTimeout = 3.0
    /// Name to address, in place of the system's resolver; for tests.
    package var resolver: @Sendable (_ host: String, _ port: UInt16) async throws -> [SocketAddress] = {
        host, port in try await SystemResolver.addresses(of: host, port: port)
    }
    /// What is believed of an answer.
    package var answers = TrackerAnswerLimits.standard

    /// Where trackers' URLs may lead: they come from torrents and magnet links.
    var addressRule = AddressRule.torrentTracker

    package init() {}

    /// The local address unless it is a wildcard.
    var source: String? {
        guard let localAddress, !["", "::", "[::]", "0.0.0.0"].contains(localAddress) else { return nil }
        return localAddress
    }
}
