import HTTPTransport
import NIOCore
import Tracking

/// How trackers are asked. Times are in seconds.
public struct TrackerClientSettings: Sendable {
    /// The address that announces come from; nil, `::` or `0.0.0.0` leaves the choice to the system.
    public var localAddress: String?
    /// A PEM file of certificate authorities to trust in place of the system's.
    public var trustedAuthorities: String?
    public var userAgent = "Swoop/1"
    /// Longest wait for a TCP or TLS connection.
    public var connectTimeout = 15.0
    /// Longest a whole HTTP announce or scrape may take.
    public var httpTimeout = 30.0
    /// How long each try over UDP waits before the packet is sent again. The first is shorter than BEP 15's 15 s, for
    /// a lost packet on a local network should not cost that much.
    public var udpTimeouts: [Double] = [1, 3, 9, 15]
    /// How long to wait for one address of a UDP tracker before trying the next beside it.
    public var addressStagger = 1.0
    /// Most addresses of one UDP tracker that are tried.
    public var addresses = 4
    /// How long a UDP connection id is used (BEP 15: one minute).
    public var connectionIDLifetime = 60.0
    /// Longest a `stopped` announce may take: a stopping process does not wait for a slow tracker.
    public var stoppedTimeout = 2.0
    /// Longest to wait for the addresses of peers that a tracker names by host names.
    public var namesTimeout = 3.0
    /// Name to address, in place of the system's resolver; for tests.
    package var resolver: @Sendable (_ host: String, _ port: UInt16) async throws -> [SocketAddress] = {
        host, port in try await SystemResolver.addresses(of: host, port: port)
    }
    /// What is believed of an answer.
    public var answers = TrackerAnswerLimits.standard

    /// Where trackers' URLs may lead: they come from torrents and magnet links.
    var addressRule = AddressRule.torrentTracker

    public init() {}

    /// The local address unless it is a wildcard.
    var source: String? {
        guard let localAddress, !["", "::", "[::]", "0.0.0.0"].contains(localAddress) else { return nil }
        return localAddress
    }
}
